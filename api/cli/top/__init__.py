"""``darkroom top``: the dashboard of a terminal. Only the command imports Textual, which is an extra.

May import ``api.cli.connection``, ``api.cli.options``, ``api.cli.exit_codes`` and the Python client.
"""
