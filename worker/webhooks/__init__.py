"""Webhook deliveries: claim due rows of the outbox, sign and send them, record the result.

At least once, in order per job and receiver, for every surface. May import ``worker`` (services, retries,
``download`` for the SSRF guard, ``upstream`` for response headers) and ``models``; not ``worker.tasks``.
"""
