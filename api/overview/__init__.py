"""What the installation does now: open jobs, workers, calls of the last 24 hours, and their cost.

May import ``api.services`` and ``models``.
"""
