"""Bulk actions: what one would do, its progress, and the list of all.

May import the services of ``api``, ``worker.bulk`` and ``models``, and nothing of ``api.rest``.
"""
