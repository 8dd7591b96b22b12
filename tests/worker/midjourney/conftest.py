"""The API and a worker, on SQLite and on each kind of database: the fixtures of the API's tests."""

from tests.api.midjourney.conftest import each_stack, sqlite_url, stack

__all__ = ["each_stack", "sqlite_url", "stack"]
