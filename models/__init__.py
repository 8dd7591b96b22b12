"""The domain model: settings, states, tables and SQL of a job. Imports nothing of ``worker`` or ``api``."""
