"""SQL of the dashboard: sessions, the audit log, figures, groups of errors.

May import the tables and ``models.states``.
"""
