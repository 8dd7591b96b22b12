"""`darkroom run` and `darkroom campaigns`. Modules import `api.cli` and the Python client."""
