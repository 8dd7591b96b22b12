"""``pytest --fast``: unit tests, on SQLite.

Left out are system tests, those that need a server, slow ones, and those of the API and of behaviour across
modules that need a database.
"""

import pytest

_SYSTEM_TESTS = frozenset({"deploy", "e2e", "support"})  #: folders whose tests start processes of their own
#: fixtures, and parameters of fixtures
_SERVERS = frozenset(
    {"postgres", "postgresql", "postgres_copies", "collated", "collated_postgres", "collated_copies"}
    | {"partitioned", "partitioned_copies", "valkey", "s3"}
)
_DATABASES = frozenset({"plain_database_url", "sqlite_copies"})


def is_system_test(nodeid: str) -> bool:
    """Return whether a test starts processes of its own."""
    return nodeid.split("/")[1] in _SYSTEM_TESTS


class FastTests:
    """Deselects all but the fast tests."""

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep the fast tests."""
        slow = [item for item in items if not _is_fast(item)]
        items[:] = [item for item in items if _is_fast(item)]
        config.hook.pytest_deselected(items=slow)


def _is_fast(item: pytest.Item) -> bool:
    if item.get_closest_marker("slow") or is_system_test(item.nodeid):
        return False
    needs = set(getattr(item, "fixturenames", ()))
    if call := getattr(item, "callspec", None):
        needs |= {value for value in call.params.values() if isinstance(value, str)}
    with_database = item.nodeid.startswith("tests/api/") or "/behaviour/" in item.nodeid
    return not needs & (_SERVERS | _DATABASES if with_database else _SERVERS)
