"""Pictures: all that match a filter, and a few beside each other.

May import the services of ``api``, ``api.dashboard`` and ``models``, and nothing of ``api.rest``.
"""
