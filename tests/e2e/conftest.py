"""Fixtures: fleets, each with its own database, broker and provider."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import PostgresCopies
from tests.support.embedded import EmbeddedDarkroom
from tests.support.fleet import Fleet
from tests.support.postgres import Postgres
from tests.support.practice import Practice
from tests.support.valkey import Valkey, serve_valkey

FleetOf = Callable[..., Fleet]
EmbeddedOf = Callable[..., EmbeddedDarkroom]


@pytest.fixture
def practice_of(tmp_path: Path) -> Iterator[Callable[..., Practice]]:
    """Start providers that answer after ``delay`` seconds."""
    started: list[Practice] = []

    def start(delay: float) -> Practice:
        started.append(Practice(tmp_path, delay=delay))
        started[-1].start()
        return started[-1]

    yield start
    for practice in started:
        practice.process.end()


@pytest.fixture
def broker() -> Iterator[Valkey]:
    """A broker that this test may stop and empty."""
    with serve_valkey() as server:
        yield server


@pytest.fixture
def fleet_of(
    tmp_path: Path, broker: Valkey, practice_of: Callable[..., Practice], request: pytest.FixtureRequest
) -> Iterator[FleetOf]:
    """Start fleets on the given PostgreSQL, which they migrate, or on a migrated copy in the shared one."""
    with ExitStack() as cleanup:

        def start(*, delay: float, server: Postgres | None = None, **settings: Any) -> Fleet:
            if server is None:
                copies: PostgresCopies = request.getfixturevalue("postgres_copies")
                url = cleanup.enter_context(copies.fresh())
            else:
                server.execute("CREATE DATABASE fleet")
                url = server.url("fleet")
            addresses: dict[str, Any] = {"database_url": url, "broker_url": broker.url}
            fleet = Fleet(tmp_path, practice_of(delay), **addresses, **settings)
            cleanup.callback(lambda: print(fleet.log_tails()))  # shown if the test fails
            cleanup.callback(fleet.end)
            fleet.start(migrate=server is not None)
            return fleet

        yield start


@pytest.fixture
def darkroom_of(tmp_path: Path, practice_of: Callable[..., Practice]) -> Iterator[EmbeddedOf]:
    """Start one-process installations, whose provider answers after ``delay`` seconds."""
    started: list[EmbeddedDarkroom] = []

    def start(delay: float, **settings: str) -> EmbeddedDarkroom:
        started.append(EmbeddedDarkroom(tmp_path, practice_of(delay), **settings))
        started[-1].start()
        return started[-1]

    yield start
    for darkroom in started:
        darkroom.client.close()
        darkroom.process.end()
        print(darkroom.process.log_tail())
