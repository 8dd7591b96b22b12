"""Many objects at once: what a bulk action does to each, and how workers go through it in chunks.

May import ``worker.lifecycle``, ``worker.services`` and ``models``.
"""
