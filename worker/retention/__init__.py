"""Retention: ended jobs and what belongs to them are archived and deleted, with their files.

May import: ``models``, and of the worker the storage, the archive of responses and the search for orphans.
"""
