"""Maintenance on the timer of every worker: heartbeat, expiry of queued jobs, reaper, storage sweep.

May import ``models``, and of the worker ``lifecycle``, ``services`` and ``tasks`` (context and polling).
"""
