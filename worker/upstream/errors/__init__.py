"""Classify what a provider returned: answer, HTTP status, headers or transport failure to a call result.

Codes, phrases, web pages and statuses point to an error kind, a key of ``error_catalog.ERROR_CATALOG``.
May import ``models`` and, of ``worker.upstream``, ``parsing`` and the modules at its root which send
nothing. No I/O.
"""
