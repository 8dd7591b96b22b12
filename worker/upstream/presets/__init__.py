"""Presets: provider families as data, one small module each, and what a channel makes of its preset.

The requests that a preset makes of typical jobs are ``tests/worker/upstream/presets/NAME.jsonl``, which
``tests/contracts/test_presets.py`` runs. May import ``models``, and each other; single presets only
``preset``.
"""
