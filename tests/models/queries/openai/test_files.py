"""Files in SQL."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from models.database import Database
from models.ids import new_id
from models.queries.openai.files import (
    NewFile,
    delete_file,
    find_file,
    insert_files,
    known_keys,
    list_expired,
    list_files,
)
from tests.models.queries.openai.callers import new_caller

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def new_file(caller: UUID, **values: Any) -> NewFile:
    given = {
        "purpose": "batch",
        "filename": "f",
        "content_type": "t",
        "bytes": 1,
        "key": "k",
        "created_at": AT,
    }
    return NewFile(id=new_id(), caller_id=caller, **{**given, **values})


async def test_pages_go_by_time_of_creation_and_leave_out_what_has_no_content_or_has_expired(
    database: Database,
) -> None:
    caller = await new_caller(database)
    old, same, also = (new_file(caller, created_at=AT - timedelta(days=days)) for days in (1, 0, 0))
    hidden = [new_file(caller, key=None, batch_id=new_id()), new_file(caller, expires_at=AT)]
    async with database.writing() as connection:
        await insert_files(connection, [also, same, old, *hidden])

        async def page(order: Any, after: UUID | None = None, purpose: str | None = None) -> list[UUID]:
            found = await list_files(
                connection, caller, purpose=purpose, order=order, after=after, at=AT, limit=2
            )
            return [row.id for row in found]

        last = [same.id, also.id]  # created at once: by id
        assert await page("asc") == [old.id, last[0]]
        assert await page("asc", last[0]) == [last[1]]
        assert await page("desc") == last[::-1]
        assert await page("desc", last[0]) == [old.id]
        assert await page("desc", new_id()) == []
        assert await page("desc", purpose="vision") == []


async def test_a_file_that_has_expired_is_not_found_and_is_listed_for_deletion(database: Database) -> None:
    caller = await new_caller(database)
    file = new_file(caller, expires_at=AT)
    async with database.writing() as connection:
        await insert_files(connection, [file])
        before = AT - timedelta(seconds=1)
        assert await find_file(connection, file.id, caller_id=caller, at=before) is not None
        assert await find_file(connection, file.id, caller_id=caller, at=AT) is None
        assert await find_file(connection, file.id, caller_id=new_id(), at=before) is None
        assert [row.key for row in await list_expired(connection, AT, limit=9)] == ["k"]
        assert await list_expired(connection, before, limit=9) == []
        assert await known_keys(connection, [file.id, new_id()]) == {file.id}
        assert await delete_file(connection, file.id)
        assert not await delete_file(connection, file.id)
