"""Attacks on a running Darkroom: by callers, providers and web pages. May import everything."""
