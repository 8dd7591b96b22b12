"""Campaigns in the native API: a file per group of routes. It imports ``api.campaigns`` for what they do."""
