"""Fresh, migrated databases: copies of one that was migrated once."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from migrations import upgrade
from models.settings import DRIVERS
from tests.support.postgres import Postgres


def sqlalchemy_url(url: str) -> str:
    """Return an address of ``DARKROOM_DATABASE_URL`` with the driver that we use."""
    scheme, rest = url.split(":", 1)
    return f"{DRIVERS[scheme]}:{rest}"


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


class PostgresCopies:
    """Copies of one migrated database."""

    def __init__(self, server: Postgres) -> None:
        self._server, self._numbers = server, count(1)
        server.execute("CREATE DATABASE template_darkroom")
        upgrade(sqlalchemy_url(server.url("template_darkroom")))

    @property
    def pid(self) -> int:
        """The id of the server's first process."""
        return self._server.process.pid

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Lend a copy; returns its address as ``DARKROOM_DATABASE_URL`` takes it."""
        name = f"copy_{next(self._numbers)}"
        self._server.execute(f"CREATE DATABASE {name} TEMPLATE template_darkroom")
        yield self._server.url(name)
        self._server.execute(f"DROP DATABASE {name} WITH (FORCE)")
