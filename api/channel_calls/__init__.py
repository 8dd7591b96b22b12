"""One real call on a channel, outside any job. May import ``worker.upstream`` and ``models``."""
