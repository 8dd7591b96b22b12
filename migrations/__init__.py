"""Alembic migrations, run as a library. Imports only ``models.tables`` and ``models.addresses``."""

import time
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, NullPool, create_engine, make_url
from sqlalchemy.exc import OperationalError

from migrations.online_indexes import build_online_indexes
from models.addresses.database import THRESHOLD, driver_arguments

LOCK_TIMEOUT = "3s"
_TRIES, _PAUSE = 20, 3.0  # seconds
_LOCK_NOT_AVAILABLE = "55P03"  # SQLSTATE


def _configuration(url: str) -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent))
    configuration.attributes["url"] = url
    return configuration


def synchronous(url: str) -> str:
    """Return the database URL with a synchronous driver: migrations run outside the event loop."""
    return url.replace("sqlite+aiosqlite:", "sqlite:", 1)


def make_engine(url: str) -> Engine:
    """Return an engine for migrations.

    It prepares no statements, which a pooler such as PgBouncer would lose, or leave for other clients.
    """
    parsed = make_url(synchronous(url))
    if parsed.get_backend_name() == "sqlite":
        return create_engine(parsed, poolclass=NullPool, hide_parameters=True)
    parsed, arguments = driver_arguments(parsed)
    arguments = {**arguments, THRESHOLD: None}
    return create_engine(parsed, poolclass=NullPool, connect_args=arguments, hide_parameters=True)


def upgrade(url: str, revision: str = "head") -> None:
    """Upgrade the tables to a revision. Idempotent, and safe to run from several processes at once.

    On PostgreSQL, a fleet may run meanwhile: a lock of a table is waited for ``LOCK_TIMEOUT`` at most, since
    whatever needs the table then waits behind it; after a pause, the upgrade begins again.
    Raises the database's error if no try succeeds.
    """
    path = make_url(url).database
    if url.startswith("sqlite") and path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    for left in reversed(range(_TRIES)):
        try:
            command.upgrade(_configuration(url), revision)
        except OperationalError as error:
            if not left or getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            time.sleep(_PAUSE)
        else:
            _build_indexes(url)
            return


def _build_indexes(url: str) -> None:
    """Build the indexes that revisions leave until their transaction has ended."""
    reached, engine = current(url), make_engine(url)
    try:
        build_online_indexes(engine, reached or "")
    finally:
        engine.dispose()


def downgrade(url: str, revision: str) -> None:
    """Downgrade the tables to a revision; ``base`` removes them."""
    command.downgrade(_configuration(url), revision)


def head() -> str:
    """Return the newest revision."""
    return ScriptDirectory.from_config(_configuration("")).get_current_head() or ""


def is_next(revision: str) -> bool:
    """Return whether a revision directly follows the newest one here: a fleet is being upgraded."""
    return revision.isdigit() and int(revision) == int(head()) + 1


def current(url: str) -> str | None:
    """Return the revision of the database, or ``None`` if it has no tables."""
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
