"""Who may do what: roles, sessions of browsers, the log of who did it, and what answers 410.

May import ``api.web`` and ``models``.
"""
