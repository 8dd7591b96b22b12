"""Tasks: the stages of one leased job, from the paid call to its stored images.

They call the provider, the archive and the asset store, and write through ``worker.lifecycle``. They import
neither the API nor the dispatcher; only the runtime and the maintenance import them.
"""
