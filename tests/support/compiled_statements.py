"""Compiled statements that all databases of a test process share.

Each test opens databases of its own. SQLAlchemy keeps the SQL that it compiled with the engine, and by the
engine's dialect object, so that each test would compile all its statements anew: a fifth of its time.
"""

from collections.abc import Iterator, MutableMapping
from functools import partial
from typing import Any

from sqlalchemy.util import LRUCache

import models.database

_SIZE = 4_000  # statements
_Key = tuple[Any, ...]


class CompiledStatements(MutableMapping[_Key, Any]):
    """Cache of an engine that finds what any engine of the same kind and server version has compiled."""

    def __init__(self) -> None:
        self._statements: LRUCache[_Key, Any] = LRUCache(_SIZE)

    def __getitem__(self, key: _Key) -> Any:
        return self._statements[_shared(key)]

    def __setitem__(self, key: _Key, value: Any) -> None:
        self._statements[_shared(key)] = value

    def __delitem__(self, key: _Key) -> None:
        del self._statements[_shared(key)]

    def __iter__(self) -> Iterator[_Key]:
        return iter(self._statements)

    def __len__(self) -> int:
        return len(self._statements)


def _shared(key: _Key) -> _Key:
    """Return the key of a statement, its first part what the dialect is instead of the dialect object."""
    dialect, *rest = key
    return (type(dialect), dialect.server_version_info, *rest)


def share_compiled_statements() -> None:
    """Let the databases that this process opens from now on share what they compile."""
    options = {"compiled_cache": CompiledStatements()}
    models.database.create_async_engine = partial(  # type: ignore[assignment]
        models.database.create_async_engine, execution_options=options
    )
