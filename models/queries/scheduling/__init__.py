"""SQL of the scheduler: due jobs, queue positions, and the snapshot that readers see.

It imports tables and value types of ``models`` and other queries; the rules are in ``worker.scheduler``.
"""
