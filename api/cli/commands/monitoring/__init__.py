"""Commands that watch the installation: alerts, the audit log. Imports the rest of ``api.cli`` and below."""
