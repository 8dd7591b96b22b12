"""Asynchronous provider tasks: fetch a task, read its state and images, classify its failure.

May import ``models`` and, of ``worker.upstream``, ``errors``, ``parsing``, ``transport`` and the modules at
its root. Only ``task_client`` does I/O.
"""
