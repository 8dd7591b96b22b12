"""Worker: what happens to a job. The root composes the folders and holds what all of them share.

Imports ``models``; nothing of ``api``.
"""
