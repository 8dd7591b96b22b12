"""Referrer-Policy of every response: links here have unguessable parts, which other sites must not learn."""

REFERRER_POLICY = (b"referrer-policy", b"no-referrer")
