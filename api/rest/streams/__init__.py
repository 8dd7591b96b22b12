"""Streams of server-sent events (SSE), of one job and of many. Imports what ``api.rest`` may."""
