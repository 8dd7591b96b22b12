"""Planned campaigns at work: their items and jobs are made in chunks, and their status moves on.

It imports ``models`` and ``worker.lifecycle``; any worker does it, whichever locks a campaign first.
"""
