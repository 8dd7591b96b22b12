"""Who may do what: roles, sessions of browsers, and the log of who did it.

May import ``api.web`` and ``models``.
"""
