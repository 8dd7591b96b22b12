"""Indexes that are built after their revision: those that are missing or unfinished, once."""

import pytest
import sqlalchemy as sa

from migrations import synchronous, upgrade
from migrations.online_indexes import REVISIONS
from models.tables import metadata
from tests.migrations.test_migrations import empty_url

__all__ = ["empty_url"]  # a fixture


def valid_indexes(engine: sa.Engine) -> set[str]:
    statement = "SELECT indexrelid::regclass::text FROM pg_index WHERE indisvalid"
    with engine.connect() as connection:
        return set(connection.exec_driver_sql(statement).scalars())


def test_a_missing_and_an_unfinished_index_are_built_by_the_next_upgrade(empty_url: str) -> None:
    if empty_url.startswith("sqlite"):
        pytest.skip("SQLite builds them in their revisions")
    upgrade(empty_url)
    engine = sa.create_engine(synchronous(empty_url))
    try:
        assert set(REVISIONS) <= valid_indexes(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP INDEX ix_jobs_tags")
            connection.exec_driver_sql(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_jobs_kept'::regclass"
            )
        upgrade(empty_url)
        assert set(REVISIONS) <= valid_indexes(engine)
    finally:
        engine.dispose()


def test_each_index_is_one_of_the_tables() -> None:
    assert set(REVISIONS) <= {str(each.name) for table in metadata.sorted_tables for each in table.indexes}
