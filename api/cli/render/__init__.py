"""Rendering: jobs, channels and explanations as tables and cards. Imports ``rich`` and ``api.cli.output``."""
