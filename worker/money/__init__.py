"""Money in the worker: prices of calls, what is reserved for a call, budgets, merging of totals.

May import ``models``, ``worker.upstream``, ``worker.database_retry`` and the pauses of campaigns.
"""
