"""HTTP plumbing without domain knowledge. Imports ``models.errors``; neither a surface nor ``api.jobs``."""
