"""Times and JSON come back the same from SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import JSON, Column, Integer, MetaData, Table, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import StatementError

from models.database import Database
from models.tables import Json, Utc, metadata

notes = Table(
    "notes", MetaData(), Column("id", Integer, primary_key=True), Column("at", Utc), Column("data", Json)
)


@pytest.fixture
async def notebook(database: Database) -> Database:
    async with database.writing() as connection:
        await connection.run_sync(notes.create)
    return database


async def kept(notebook: Database, **values: Any) -> Any:
    async with notebook.writing() as connection:
        await connection.execute(insert(notes).values(id=1, **values))
    async with notebook.reading() as connection:
        return (await connection.execute(select(notes))).one()


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 7, 1, 12, 30, 15, 123456, tzinfo=timezone(timedelta(hours=8))),
        datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=timezone(timedelta(hours=-11, minutes=-30))),
    ],
)
async def test_a_time_comes_back_as_the_same_moment_in_utc(notebook: Database, moment: datetime) -> None:
    back = (await kept(notebook, at=moment)).at
    assert back == moment
    assert back.utcoffset() == timedelta()


async def test_no_time_comes_back_as_none(notebook: Database) -> None:
    assert (await kept(notebook, at=None)).at is None


async def test_a_time_without_a_zone_is_refused(notebook: Database) -> None:
    with pytest.raises(StatementError, match="has no time zone"):
        await kept(notebook, at=datetime(2026, 1, 1))  # noqa: DTZ001


async def test_times_compare_as_moments_whatever_their_zone(notebook: Database) -> None:
    moment = datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    await kept(notebook, at=moment)
    async with notebook.reading() as connection:
        for bound, found in [(moment.astimezone(UTC), True), (moment - timedelta(microseconds=1), False)]:
            rows = (await connection.execute(select(notes.c.id).where(notes.c.at <= bound))).all()
            assert bool(rows) is found


@pytest.mark.parametrize(
    "data", [{}, [], {"一只猫": [1, 2.5, None, True, "\\u0000", "🐈"]}, "text", 0, {"a": {"b": []}}]
)
async def test_json_comes_back_as_it_was(notebook: Database, data: Any) -> None:
    assert (await kept(notebook, data=data)).data == data


async def test_no_json_is_null_inserted_or_written_later_for_one_row_or_many(notebook: Database) -> None:
    async with notebook.writing() as connection:
        await connection.execute(insert(notes).values(id=1, data=None))
        await connection.execute(insert(notes), [{"id": 2, "data": None}, {"id": 3, "data": {"a": 1}}])
        await connection.execute(update(notes).where(notes.c.id == 3).values(data=None))
        found = await connection.scalars(
            select(notes.c.id).where(notes.c.data.is_(None)).order_by(notes.c.id)
        )
        assert found.all() == [1, 2, 3]


def test_each_json_column_of_the_schema_stores_none_as_null() -> None:
    columns = [each for table in metadata.tables.values() for each in table.c if isinstance(each.type, JSON)]
    assert len(columns) > 40
    for dialect in (sqlite.dialect(), postgresql.dialect()):
        stored = {str(each): each.type.dialect_impl(dialect).none_as_null for each in columns}
        assert [name for name, as_null in stored.items() if not as_null] == []
