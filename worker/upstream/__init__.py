"""Provider dialects: a request becomes an HTTP request, a response becomes a ``CallResult``.

This package is pure apart from ``transport`` and ``polling.task_client``, which do the only I/O: no database,
no queue, no clock. It may import ``models``, but nothing else of ``worker``.
"""
