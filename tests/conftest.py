"""What all tests may ask for. Servers start when a test asks, and end by their id with the session."""

from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import settings

from models.database import Database
from tests.support.databases import PostgresCopies, SqliteCopies, sqlalchemy_url
from tests.support.postgres import Postgres, serve_postgres
from tests.support.valkey import Valkey, serve_valkey

settings.register_profile("suite", deadline=None)  # a busy machine is no defect
settings.load_profile("suite")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL, shared; stop it in no test but those of a server of their own."""
    with serve_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """A real Redis-protocol server, shared; stop it in no test but those of a server of their own."""
    with serve_valkey() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_copies(postgres: Postgres) -> PostgresCopies:
    """Copies of a migrated PostgreSQL database."""
    return PostgresCopies(postgres)


@pytest.fixture(scope="session")
def sqlite_copies(tmp_path_factory: pytest.TempPathFactory) -> SqliteCopies:
    """Copies of a migrated SQLite file."""
    return SqliteCopies(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(params=["sqlite", "postgresql"])
def plain_database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fresh, migrated database, as ``DARKROOM_DATABASE_URL`` takes it; the test runs on each kind."""
    copies = request.getfixturevalue(f"{'sqlite' if request.param == 'sqlite' else 'postgres'}_copies")
    with copies.fresh() as url:
        yield url


@pytest.fixture
def database_url(plain_database_url: str) -> str:
    """The same with SQLAlchemy's driver, as ``Settings.sqlalchemy_url`` gives it."""
    return sqlalchemy_url(plain_database_url)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An open database of each kind."""
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def broker_url(valkey: Valkey) -> str:
    """An empty broker on a real server."""
    valkey.flush()
    return valkey.url
