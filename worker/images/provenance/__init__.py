"""Provenance in image files: C2PA manifests and XMP, one container per file. Pure.

It imports the standard library and ``models.clock``.
"""
