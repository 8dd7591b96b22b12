"""Many rows as one parameter: whatever a provider said, it can be written."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import JSON, Column, Text, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import Database
from models.queries.bulk import rows_parameter, rows_source


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[AsyncConnection]:
    database = Database(database_url)
    async with database.reading() as opened:
        yield opened
    await database.close()


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("plain \\u0000 in six characters", "plain \\u0000 in six characters"),
        ("a NUL: \0.", "a NUL: ."),
        ("half of a pair: \ud800.", "half of a pair: ?."),
        ("both: \0\udfff", "both: ?"),
    ],
)
async def test_texts_that_no_database_takes_are_mended_wherever_they_stand(
    connection: AsyncConnection, said: str, written: str
) -> None:
    columns = [Column("words", Text()), Column("known", JSON())]
    source = rows_source(connection.dialect.name, columns)
    rows = [{"words": said, "known": {"deep": [{said: (said, None, 1.5, True)}]}}]
    (row,) = await connection.execute(select(source), rows_parameter(connection, rows))
    assert row.words == written
    assert row.known == {"deep": [{written: [written, None, 1.5, True]}]}
