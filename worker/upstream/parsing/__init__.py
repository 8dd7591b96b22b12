"""Parsers: bytes of a response to ``Answer``. Pure, incremental, bounded in time and memory.

It may import ``handles`` and ``matching`` of the parent package, but neither ``errors`` nor ``transport``.
"""
