"""Webhooks as they are read: endpoints and deliveries as documents, and lists of them.

May import ``api.auth`` and, of the worker, only ``worker.webhooks.signature``.
"""
