"""``make attack``: hostile callers, providers and networks against a real `darkroom up`, and a table.

One class of attacks per function, each with a typed result; a short form runs in ``tests/security``. All is
drawn from a seed, and nothing is sent to an address outside this machine: the run takes place in a network
namespace that has only the loopback interface, where the system allows one. May import anything.
"""
