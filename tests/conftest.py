"""What all tests may ask for. Servers start when a test asks, and end by their id with the test run."""

import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from typing import Any

import pytest
import structlog
from hypothesis import settings

from models.database import Database
from tests.support.authority import trust_only_authority
from tests.support.collection import FrozenCollection
from tests.support.compiled_statements import share_compiled_statements
from tests.support.databases import FIXTURES, PostgresCopies, SqliteCopies, sqlalchemy_url
from tests.support.deploy_tests import DeployTests
from tests.support.distribution import Distribution
from tests.support.fast_tests import FastTests
from tests.support.postgres import PostgresAddress, can_serve_collated, serve_postgres
from tests.support.shared_servers import SharedServers, shared_postgres, shared_valkey
from tests.support.slow_tests import SlowTests
from tests.support.valkey import ValkeyAddress, serve_valkey

settings.register_profile("suite", deadline=None)  # a busy machine is no defect
settings.load_profile("suite")
structlog.configure(  # the default draws each traceback with all variables: seconds of processor time
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)
trust_only_authority()
share_compiled_statements()
_DISTRIBUTED = pytest.StashKey[SharedServers]()
_SOCKET = "shared_servers"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of ``make test-fast`` and ``make deploy-test``."""
    parser.addoption("--deploy", action="store_true", help="tests with programs of a distribution too")
    parser.addoption("--fast", action="store_true", help="unit tests only, on SQLite, without servers")


def pytest_configure(config: pytest.Config) -> None:
    """Register the rules of this test run; with several processes, start the owner of their servers."""
    config.addinivalue_line("markers", "slow(reason): why a test takes more than 10 s; left out by --fast")
    config.addinivalue_line("markers", "deploy: needs programs of a distribution; runs with --deploy only")
    config.pluginmanager.register(FrozenCollection())
    config.pluginmanager.register(SlowTests())
    config.pluginmanager.register(DeployTests(wanted=config.getoption("deploy")))
    config.pluginmanager.register(Distribution())
    if config.getoption("fast"):
        config.pluginmanager.register(FastTests())
    if config.getoption("numprocesses", None):
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: stop the processes and servers
        config.stash[_DISTRIBUTED] = SharedServers()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a test process of pytest-xdist where to ask for the servers."""
    node.workerinput[_SOCKET] = str(node.config.stash[_DISTRIBUTED].socket)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the shared servers, also when the tests were interrupted."""
    if servers := config.stash.get(_DISTRIBUTED, None):
        servers.stop()


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest) -> Iterator[PostgresAddress]:
    """A real PostgreSQL, shared by all processes of the test run; a test that stops one starts its own."""
    if (socket := _shared(request)) is not None:
        yield shared_postgres(socket)
    else:
        with serve_postgres() as server:
            yield server


@pytest.fixture(scope="session")
def collated_postgres(request: pytest.FixtureRequest) -> Iterator[PostgresAddress]:
    """Another one, whose databases do not sort text by code points, shared as well."""
    if not can_serve_collated():
        pytest.skip("this machine has neither PostgreSQL 15 with ICU nor localedef to compile a locale")
    if (socket := _shared(request)) is not None:
        yield shared_postgres(socket, "collated")
    else:
        with serve_postgres(collated=True) as server:
            yield server


@pytest.fixture(scope="session")
def valkey(request: pytest.FixtureRequest) -> Iterator[ValkeyAddress]:
    """A real Redis-protocol server, shared as well; each test process has a logical database of its own."""
    if (socket := _shared(request)) is not None:
        yield shared_valkey(socket, int(request.config.workerinput["workerid"].removeprefix("gw")))
    else:
        with serve_valkey() as server:
            yield server


def _shared(request: pytest.FixtureRequest) -> str | None:
    """Return where the servers can be asked for; ``None`` if one process runs all tests."""
    found: str | None = getattr(request.config, "workerinput", {}).get(_SOCKET)
    return found


@pytest.fixture(scope="session")
def postgres_copies(postgres: PostgresAddress) -> Iterator[PostgresCopies]:
    """Copies of a migrated PostgreSQL database."""
    with closing(PostgresCopies(postgres)) as copies:
        yield copies


@pytest.fixture(scope="session")
def partitioned_copies(
    postgres: PostgresAddress, postgres_copies: PostgresCopies
) -> Iterator[PostgresCopies]:
    """Copies of a migrated PostgreSQL database whose events and attempts have monthly partitions."""
    with closing(PostgresCopies(postgres, split=postgres_copies)) as copies:
        yield copies


@pytest.fixture(scope="session")
def collated_copies(collated_postgres: PostgresAddress) -> Iterator[PostgresCopies]:
    """Copies of a migrated PostgreSQL database that does not sort text by code points."""
    with closing(PostgresCopies(collated_postgres)) as copies:
        yield copies


@pytest.fixture(scope="session")
def sqlite_copies(tmp_path_factory: pytest.TempPathFactory) -> SqliteCopies:
    """Copies of a migrated SQLite file."""
    return SqliteCopies(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(params=["sqlite", "postgresql"])
def plain_database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty, migrated database, as ``DARKROOM_DATABASE_URL`` takes it; the test runs on each kind.

    Folders whose tests depend on the order of text add the kind ``collated``.
    """
    with request.getfixturevalue(FIXTURES[request.param]).reset() as url:
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
def broker_url(valkey: ValkeyAddress) -> str:
    """An empty broker on a real server."""
    valkey.flush()
    return valkey.url
