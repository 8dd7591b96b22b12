"""What `darkroom run` does: definition, pictures in a folder, progress, manifest.

Modules import `api.cli` and the Python client, and ``embedded`` the server.
"""
