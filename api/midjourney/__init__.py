"""The midjourney-proxy API: its endpoints that read and cancel tasks, and what its actions share.

Each action is a module of ``actions``. May import ``api.jobs``, ``api.web``, ``worker`` and ``models``, but
not ``api.rest``.
"""
