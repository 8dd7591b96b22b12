"""Requests that decide about many jobs at once. Imports what ``api.rest`` may."""
