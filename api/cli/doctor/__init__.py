"""``darkroom doctor``: one check per file, each problem with its fix. Imports ``api.cli`` and below."""
