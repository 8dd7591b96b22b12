"""REST resources of webhooks: endpoints, and the log of their deliveries.

May import ``api`` and, of the worker, only ``worker.webhooks.signature``.
"""
