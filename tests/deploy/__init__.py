"""Tests against the servers that operators run: real components, broken and restarted in the middle.

Those marked ``deploy`` need programs of a distribution, and run by ``make deploy-test`` only.
"""
