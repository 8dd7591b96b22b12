"""The fixture of campaigns: a database of each kind, and a practice provider."""

from tests.worker.campaigns.conftest import darkroom

__all__ = ["darkroom"]
