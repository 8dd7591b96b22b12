"""Version of the distribution ``darkroom-client``."""

__version__ = "0.1.0"
