"""How the tables came to be."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url


def _configuration(url: str) -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent))
    configuration.attributes["url"] = url
    return configuration


def synchronous(url: str) -> str:
    """Return the address with the driver that migrations use, which run outside any event loop."""
    return url.replace("sqlite+aiosqlite:", "sqlite:", 1)


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the tables to a revision. Safe to run from several processes at once and again and again."""
    path = make_url(url).database
    if url.startswith("sqlite") and path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    command.upgrade(_configuration(url), revision)


def downgrade(url: str, revision: str) -> None:
    """Take the tables back to a revision, or to ``base``: nothing."""
    command.downgrade(_configuration(url), revision)


def head() -> str:
    """Return the newest revision."""
    return ScriptDirectory.from_config(_configuration("")).get_current_head() or ""


def is_next(revision: str) -> bool:
    """Tell whether a revision is the one after our newest: a fleet is being upgraded meanwhile."""
    return revision.isdigit() and int(revision) == int(head()) + 1


def current(url: str) -> str | None:
    """Return the revision that the database is at, or ``None`` if it has no tables."""
    engine = create_engine(synchronous(url))
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
