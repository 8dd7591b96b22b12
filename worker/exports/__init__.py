"""Exports of campaigns: a frozen set of pictures becomes a ZIP, a folder, or a set for training.

It imports ``worker.images``, ``worker.storage`` and ``models``. Pure: ``names``, ``zip_format``, ``cells``.
"""
