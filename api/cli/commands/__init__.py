"""Commands: one group per file, imported when it is called. Imports the rest of ``api.cli`` and below."""
