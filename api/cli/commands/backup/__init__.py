"""``darkroom backup``, ``restore`` and ``fsck``. Imports ``worker.backup`` and ``worker.maintenance``."""
