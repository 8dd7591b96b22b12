"""Scheduler: which job starts when, on which channel, and what callers see of that.

The dispatcher leases due jobs in one transaction. Beside it and the readers of candidates and of queue
positions, all modules are pure: they take rows and return values. Other packages of the worker use the
scheduler; from the worker it imports only what the dispatcher needs: services, in_flight, lifecycle, broker.
"""
