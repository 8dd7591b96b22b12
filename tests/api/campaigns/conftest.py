"""A running API with a planned campaign."""

from tests.api.rest.campaigns.conftest import create, load

__all__ = ["create", "load"]  # fixtures
