"""Alembic environment: runs the revisions on the database of the configuration."""

from alembic import context
from sqlalchemy import text

from migrations import LOCK_TIMEOUT, make_engine
from models.tables import metadata

_LOCK = 7_201_147_035  # an arbitrary advisory lock id: one migration at a time on PostgreSQL


def run() -> None:
    """Run the requested revisions in one transaction."""
    engine = make_engine(context.config.attributes["url"])
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA busy_timeout=15000")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        context.configure(
            connection=connection, target_metadata=metadata, render_as_batch=True, compare_type=True
        )
        with context.begin_transaction():
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
                connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
            context.run_migrations()
        connection.commit()
    engine.dispose()


run()
