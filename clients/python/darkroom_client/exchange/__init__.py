"""How the server is called: requests, retries, streams, pages, and the transports that perform them.

Modules here import ``configuration``, ``documents``, ``errors`` and each other; only ``http_transport``
imports httpx, and touches files and clocks.
"""
