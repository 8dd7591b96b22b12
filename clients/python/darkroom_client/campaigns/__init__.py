"""Campaigns: sheets of rows from plan to export, as values and as operations on them (``client.campaign``).

Modules here import ``resources``, ``exchange``, ``documents``, ``errors`` and each other.
"""
