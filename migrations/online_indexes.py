"""Indexes that are built after the revision that adds them, while a fleet reads and writes.

Revisions run in one transaction, in which PostgreSQL keeps writers out of a table for as long as it takes
to build an index. So those below are left out of their revisions there, and built afterwards without such a
lock. SQLite builds them in the revision.
"""

import time
from collections.abc import Mapping

from sqlalchemy import Connection, Engine, Index, text
from sqlalchemy.schema import CreateIndex

from models.tables import metadata

REVISIONS: Mapping[str, str] = {
    "ix_assets_blank": "0038",
    "ix_assets_wrong_size": "0038",
    "ix_assets_wrong_ratio": "0038",
    "ix_assets_wrong_alpha": "0038",
    "ix_assets_c2pa": "0038",
    "ix_assets_xmp": "0038",
    "ix_assets_duplicate_of": "0038",
    "ix_assets_near_duplicate_of": "0038",
    "ix_assets_check_problem": "0038",
    "ix_campaign_items_verdict": "0038",
    "ix_jobs_succeeded": "0038",
    "ix_jobs_tags": "0038",
    "ix_jobs_kept": "0039",
}
"""Revision of each index."""

_LOCK = 7_201_147_036  # an arbitrary advisory lock id: one process builds
_PAUSE = 0.2  # seconds
_IS_VALID = text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")


def build_online_indexes(engine: Engine, revision: str) -> None:
    """Build those of a revision and of earlier ones that are missing, or that a build left unfinished.

    Idempotent, and safe to run from several processes at once: one builds, the others wait for it.
    """
    if engine.dialect.name != "postgresql":
        return
    while not _build_all(engine, revision):
        time.sleep(_PAUSE)


def _build_all(engine: Engine, revision: str) -> bool:
    """Build the indexes; return ``False`` if another process does.

    The lock is tried, not waited for: a build ends only after each statement that began before it, so
    a statement that waited for the lock would never end.
    """
    with engine.connect() as holder, engine.connect() as plain:
        if not holder.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({_LOCK})").scalar():
            return False
        connection = plain.execution_options(isolation_level="AUTOCOMMIT")
        for table in metadata.sorted_tables:
            for index in sorted(table.indexes, key=lambda each: str(each.name)):
                if str(index.name) in REVISIONS and REVISIONS[str(index.name)] <= revision:
                    _build(connection, index)
    return True


def _build(connection: Connection, index: Index) -> None:
    is_valid = connection.execute(_IS_VALID, {"name": str(index.name)}).scalar()
    if is_valid:
        return
    if is_valid is False:  # an earlier build was interrupted
        connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY IF EXISTS {index.name}")
    statement = str(CreateIndex(index).compile(dialect=connection.dialect))
    connection.exec_driver_sql(statement.replace("INDEX", "INDEX CONCURRENTLY", 1))
