"""Checks of stored pictures: they are examined, get thumbnails, and their campaign's rules are applied.

It imports ``models``, ``worker.images``, ``worker.storage`` and ``worker.campaigns``.
"""
