"""SSRF-guarded downloads: every request to a URL that a provider or a caller chose is made here.

May import ``models``, ``worker.images`` (limits, text check), ``worker.storage`` (error translation)
and ``worker.upstream.response_headers`` (Retry-After).
"""
