"""Everything that clients and operators talk to: HTTP surfaces, command line, Python client.

Imports ``worker`` and ``models``; neither imports it.
"""
