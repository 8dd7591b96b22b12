"""What a process of a fleet sets up once: logs, signals, limits. It imports models, ``worker.printable``."""
