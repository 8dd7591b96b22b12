"""The API and a worker on each kind of database: the fixture of the API's tests."""

from tests.api.midjourney.conftest import each_stack

__all__ = ["each_stack"]
