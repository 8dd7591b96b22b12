"""``darkroom mcp``: tools for assistants by the Model Context Protocol, an extra (``mcp``).

Imports the Python client, as commands do: an assistant has the rights of its key, and no others.
"""
