"""Completion of Midjourney tasks: top-up, grid, text results, timeouts and notifyHook messages.

May import ``models`` and the worker's shared services; the API imports ``notify_hook`` and ``task_reader``.
"""
