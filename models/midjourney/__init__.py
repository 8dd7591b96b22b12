"""The midjourney-proxy protocol: states, buttons, customIds and task JSON, without I/O.

May import ``models`` except ``models.queries`` and ``models.database``.
"""
