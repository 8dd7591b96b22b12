"""Webhooks: telling callers what happened, at least once and in order, for every surface."""
