"""Rendering: jobs, channels and explanations as tables and cards. Imports ``rich`` and the types it shows."""
