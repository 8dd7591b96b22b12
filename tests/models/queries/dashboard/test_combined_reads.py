"""Combined reads: what each read returns, and how many statements they take."""

from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Select, event, func, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import Database
from models.ids import new_id
from models.queries.api_keys import find_key, list_keys
from models.queries.callers import insert_caller, list_ids, names_of
from models.queries.dashboard.combined_reads import Read, read_together
from models.tables import audit, callers

AT = datetime(2026, 11, 30, tzinfo=UTC)
_NO_FUNCTION: Select[Any] = select(func.no_such_function(callers.c.id, type_=callers.c.id.type))


async def fill(database: Database) -> list[UUID]:
    ids = [new_id() for _ in range(3)]
    async with database.writing() as connection:
        for number, each in enumerate(ids):
            values: dict[str, Any] = {"name": f"caller {number}", "admin": False, "at": AT}
            await insert_caller(connection, each, key_hash=bytes([number]) * 32, key_hint="x", **values)
        row = {"at": AT, "by": "me", "role": "admin", "through": "api", "action": "a", "target": ""}
        await connection.execute(insert(audit).values(**row, request_id="", count=5, before={"a": [1, None]}))
    return ids


async def two_rounds(connection: AsyncConnection) -> dict[UUID, str]:
    return await names_of(connection, await list_ids(connection))


async def nothing(_: AsyncConnection) -> str:
    return "nothing"


async def fail(connection: AsyncConnection) -> None:
    await list_ids(connection)
    raise ZeroDivisionError


async def test_each_read_returns_what_it_does_alone_by_as_many_statements_as_the_longest_sends(
    database: Database,
) -> None:
    ids, sent = await fill(database), list[str]()
    names = select(callers.c.name).order_by(callers.c.name.desc()).limit(2)
    reads: tuple[Read, ...] = (
        lambda each: each.scalars(names),
        two_rounds,
        nothing,
        lambda each: each.scalar(select(func.count()).select_from(callers)),
        list_keys,
        partial(find_key, key_hash=bytes([1]) * 32),
        lambda each: each.execute(select(audit)),
        lambda each: each.execute(select(audit).where(audit.c.by == "you")),
        lambda each: each.scalar(select(func.sum(select(func.count(audit.c.id)).scalar_subquery()))),
        lambda each: each.scalar(select(audit.c.count)),
    )
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *args: sent.append(args[2]))
    async with database.reading() as connection:
        together = await read_together(connection, *reads)
        assert len([each for each in sent if each != "BEGIN"]) == 2
        alone = [await read(connection) for read in reads]
        assert await read_together(connection) == []
    assert together[0].all() == alone[0].all() == ["caller 2", "caller 1"]
    assert together[1:6] == alone[1:6]
    assert (list(together[1]), together[2], together[3]) == (ids, "nothing", 3)
    [entry], [same] = together[6].all(), alone[6].all()
    assert dict(entry._mapping) == dict(same._mapping)
    assert entry.before == {"a": [1, None]}
    assert together[7].all() == alone[7].all() == []
    assert together[8:] == alone[8:]
    assert [type(each) for each in together[8:]] == [type(each) for each in alone[8:]], "no integer of a sum"


async def test_an_error_of_one_read_or_of_the_statement_is_raised_as_it_is(database: Database) -> None:
    async with database.reading() as connection:
        with pytest.raises(ZeroDivisionError):
            await read_together(connection, fail, list_ids)
    with pytest.raises(DBAPIError):
        async with database.reading() as connection:
            await read_together(connection, lambda each: each.execute(_NO_FUNCTION), list_ids)
