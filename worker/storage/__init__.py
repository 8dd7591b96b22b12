"""Object store: one interface over local folders, S3, GCS, Azure and memory; temporary files of downloads.

May import ``models`` and the size constants of ``worker.images.limits``.
"""
