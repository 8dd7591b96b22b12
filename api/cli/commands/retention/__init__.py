"""Commands of retention: its rules, the deletion of a caller's jobs, and archived jobs.

May import: what ``api.cli.commands`` may.
"""
