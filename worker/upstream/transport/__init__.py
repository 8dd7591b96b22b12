"""HTTP transport of provider calls: the client, its connections, content encodings.

It may import all of ``worker.upstream`` but ``diagnosis`` and ``polling``.
"""
