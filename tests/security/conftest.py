"""An API in this process, as in ``tests/api``."""

from tests.api.conftest import make_settings, service

__all__ = ["make_settings", "service"]
