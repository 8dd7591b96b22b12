"""Fresh, migrated databases: copies of one that was migrated once."""

import asyncio
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from migrations import upgrade
from models.addresses.database import sqlalchemy_url
from models.clock import now
from models.database import Database
from models.tables import metadata
from tests.support.postgres import PostgresAddress
from worker.retention.month_partitions import partition

#: the fixture of each kind of database; ``collated``: PostgreSQL that does not sort text by code points
COPIES: Mapping[str, str] = {
    "sqlite": "sqlite_copies",
    "postgresql": "postgres_copies",
    "collated": "collated_copies",
}
FIXTURES: Mapping[str, str] = COPIES | {"partitioned": "partitioned_copies"}
PARTITIONED = [*COPIES, "partitioned"]  #: for tests of events and attempts; the last has monthly partitions
LAYOUTS = ["sqlite", "postgresql", "partitioned"]  #: the same where the order of text does not matter
_TEMPLATE = "template_darkroom"
# a table may have taken the place of another: the newest id tells
_SCHEMA = """
SELECT (SELECT count(*) FROM pg_class), (SELECT max(oid::bigint) FROM pg_class),
    (SELECT count(*) FROM pg_attribute), (SELECT count(*) FROM pg_trigger), (SELECT count(*) FROM pg_proc)
"""
_DISCONNECT_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_EMPTY = ";".join(f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables))


class SqliteCopies:
    """Copies of one migrated file."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._numbers = folder, count(1)
        self._template = folder / "template.db"
        upgrade(sqlalchemy_url(f"sqlite:///{self._template}"))

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Lend a copy; returns its address as ``DARKROOM_DATABASE_URL`` takes it."""
        copy = self._folder / f"copy-{next(self._numbers)}.db"
        shutil.copy(self._template, copy)
        yield f"sqlite:///{copy}"
        for leftover in self._folder.glob(f"{copy.name}*"):
            leftover.unlink()

    reset = fresh  # a file is copied faster than emptied


class PostgresCopies:
    """Copies of one migrated database; all processes of a test run may share the server.

    With ``split``, of one of these copies, whose events and attempts then got monthly partitions.
    """

    def __init__(self, server: PostgresAddress, *, split: "PostgresCopies | None" = None) -> None:
        self._template = f"{split._template}_months" if split else _TEMPLATE
        self._server, self._numbers = server, count(1)
        self._reused: str | None = None
        self._emptying: psycopg.Connection[Any] | None = None  # to the copy that is lent again and again
        self._schema: object = None  # of a copy that no test has changed
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(1)")  # the first process makes the template
            made = connection.execute(
                "SELECT FROM pg_database WHERE datname = %s", [self._template]
            ).fetchone()
            if made is None:
                origin = f" TEMPLATE {split._template}" if split else ""
                connection.execute(f"CREATE DATABASE {self._template}{origin}".encode())
                address = sqlalchemy_url(server.url(self._template))
                if split:
                    asyncio.run(_split(address))
                else:
                    upgrade(address)

    @property
    def pid(self) -> int:
        """The id of the server's first process."""
        return self._server.pid

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Lend a copy; returns its address as ``DARKROOM_DATABASE_URL`` takes it."""
        name = self._copy()
        yield self._server.url(name)
        self._drop(name)

    def set(self, url: str, setting: str, value: str, *, disconnect: bool = True) -> None:
        """Change a setting of a lent copy for new connections; ``disconnect`` ends those that are open."""
        name = url.rpartition("/")[2]
        self._server.execute(f"ALTER DATABASE {name} SET {setting} = '{value}'")
        if disconnect:
            self._disconnect(name)

    def _disconnect(self, name: str) -> None:
        self._server.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )

    @contextmanager
    def reset(self) -> Iterator[str]:
        """Lend a copy that this process lends again and again, emptied each time: a tenth of a copy's time.

        Not for tests that look at plans or leave processes running. One that changes tables spoils the copy.
        """
        name = self._reused or self._copy()
        self._reused = None
        if self._schema is None:
            self._schema = self._connect(name).execute(_SCHEMA).fetchone()
        yield self._server.url(name)
        try:
            unchanged = self._empty(name)
        except psycopg.OperationalError:  # a test that disconnects everybody disconnects this, too
            self.close()
            unchanged = self._empty(name)
        if unchanged:
            self._reused = name
        else:
            self.close()
            self._drop(name)

    def _empty(self, name: str) -> bool:
        """Empty a copy; return whether its tables are those that it had."""
        connection = self._connect(name)
        with connection.transaction():
            connection.execute(_DISCONNECT_OTHERS)
            connection.execute(_EMPTY.encode())
            return connection.execute(_SCHEMA).fetchone() == self._schema

    def _connect(self, name: str) -> psycopg.Connection[Any]:
        """Return a connection that stays open: a new one would take ten times as long as what it is for."""
        if self._emptying is None:
            self._emptying = psycopg.connect(self._server.url(name), autocommit=True)
        return self._emptying

    def close(self) -> None:
        """Close the connection."""
        if self._emptying is not None:
            self._emptying.close()
        self._emptying = None

    def _copy(self) -> str:
        name = f"copy_{os.getpid()}_{self._template}_{next(self._numbers)}"
        self._server.execute(f"CREATE DATABASE {name} TEMPLATE {self._template}")
        return name

    def _drop(self, name: str) -> None:
        self._server.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def _split(address: str) -> None:
    """Convert events and attempts to monthly partitions."""
    database = Database(address)
    await partition(database, now())
    await database.close()
