"""Values that can't be read are marked, and their rows set apart."""

from datetime import datetime

import pytest
from sqlalchemy import text

from models.database import Database
from models.integrity.unreadable import Unreadable, problems_of, readable
from models.tables import Json, Utc

VALUES = {
    "sqlite": ("'2026-01-01 00:00:00.000000'", "'{\"a\": 1}'", "'99999-01-01 00:00:00.000000'", "'{'"),
    "postgresql": (
        "'2026-01-01Z'::timestamptz",
        "'{\"a\": 1}'::jsonb",
        "'infinity'::timestamptz",
        "'1e400'::jsonb",
    ),
}


@pytest.mark.parametrize("time", [True, False])
@pytest.mark.parametrize("data", [True, False])
async def test_a_row_with_an_unreadable_value_is_set_apart_and_its_neighbour_is_read(
    database: Database, time: bool, data: bool
) -> None:
    at, json, no_time, no_json = VALUES["sqlite" if database.is_sqlite else "postgresql"]
    bad = f"SELECT 2, {at if time else no_time}, {json if data else no_json}"
    statement = f"SELECT 1 AS key, {at} AS at, {json} AS data UNION ALL {bad}".replace(":", r"\:")
    async with database.reading() as connection:
        rows = (await connection.execute(text(statement).columns(at=Utc(), data=Json))).all()
    first, second = rows
    assert isinstance(first.at, datetime)
    assert first.data == {"a": 1}
    assert isinstance(second.at, Unreadable) is not time
    assert isinstance(second.data, Unreadable) is not data
    assert len(problems_of(second)) == (not time) + (not data)
    assert [row.key for row in readable(rows, "test")] == ([1, 2] if time and data else [1])
