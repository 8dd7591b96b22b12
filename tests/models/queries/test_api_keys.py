"""API keys of callers in the database."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from models.api_keys import FROM_SETTINGS, KeyState, Role
from models.database import Database
from models.ids import new_id
from models.queries.api_keys import (
    change_key,
    find_key,
    insert_key,
    known_hashes,
    list_keyless,
    list_keys,
    mark_removed,
    restore_key,
    revoke_keys,
    save_last_uses,
)
from models.queries.callers import insert_caller, lock_shares
from models.queue_status import KeylessCaller
from models.tables import api_keys, callers

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def hash_of(name: str) -> bytes:
    return name.encode().ljust(32)


async def add_caller(database: Database, name: str, key: str = "", *, admin: bool = False) -> UUID:
    caller_id = new_id()
    async with database.writing() as connection:
        values: dict[str, Any] = {"key_hint": "…", "admin": admin, "at": NOW}
        await insert_caller(connection, caller_id, name=name, key_hash=hash_of(key or name), **values)
    return caller_id


async def add_key(database: Database, caller_id: UUID, name: str, **values: Any) -> UUID:
    key_id = new_id()
    given = {"role": Role.USER, "key_hint": "…", "at": NOW} | values
    async with database.writing() as connection:
        await insert_key(connection, key_id, caller_id=caller_id, name=name, key_hash=hash_of(name), **given)
    return key_id


async def test_a_caller_is_inserted_with_its_first_key_which_has_its_id_name_and_role(
    database: Database,
) -> None:
    caller_id = await add_caller(database, "ops", admin=True)
    async with database.reading() as connection:
        key = await find_key(connection, hash_of("ops"))
        assert await find_key(connection, hash_of("other")) is None
    assert key is not None
    assert (key.id, key.caller_id, key.name, key.caller) == (caller_id, caller_id, "ops", "ops")
    assert (key.role, key.created_at, key.state(NOW)) == (Role.ADMIN, NOW, KeyState.READY)


async def test_keys_of_one_caller_have_roles_and_expiries_of_their_own(database: Database) -> None:
    caller_id = await add_caller(database, "alice")
    await add_key(database, caller_id, "laptop", role=Role.ADMIN, expires_at=NOW + SECOND)
    async with database.reading() as connection:
        first, second = await list_keys(connection)
        assert await known_hashes(connection, [hash_of("laptop"), hash_of("x")]) == {hash_of("laptop")}
    assert (first.role, first.expires_at) == (Role.USER, None)
    assert (second.role, second.expires_at, second.caller) == (Role.ADMIN, NOW + SECOND, "alice")


async def test_a_key_is_revoked_once_and_a_first_key_also_where_older_processes_read_it(
    database: Database,
) -> None:
    first = await add_caller(database, "alice")
    second = await add_key(database, first, "laptop")
    async with database.writing() as connection:
        assert await revoke_keys(connection, [second], at=NOW) == 1
        assert await connection.scalar(select(callers.c.revoked_at)) is None
        assert await revoke_keys(connection, [first, second], at=NOW) == 1
        assert await connection.scalar(select(callers.c.revoked_at)) == NOW
        assert {key.revoked_at for key in await list_keys(connection)} == {NOW}


async def test_only_keys_of_the_settings_are_removed_and_restored_with_them(database: Database) -> None:
    kept, gone, made = [
        await add_caller(database, name, key)
        for name, key in ((FROM_SETTINGS, "kept"), (FROM_SETTINGS, "gone"), ("ops", "made"))
    ]

    async def removed() -> dict[UUID, datetime | None]:
        return {key.id: key.removed_at for key in await list_keys(connection)}

    async with database.writing() as connection:
        await mark_removed(connection, [hash_of("kept")], at=NOW)
        assert await removed() == {kept: None, gone: NOW, made: None}
        await mark_removed(connection, [], at=NOW + SECOND)
        assert await removed() == {kept: NOW + SECOND, gone: NOW, made: None}
        await mark_removed(connection, [hash_of("kept")], at=NOW)
        await restore_key(connection, gone)
        assert set((await removed()).values()) == {None}


async def test_the_last_use_of_a_key_is_written_at_most_once_a_minute(database: Database) -> None:
    key_id = await add_caller(database, "alice")
    written: list[datetime | None] = []
    for later in (timedelta(), MINUTE - SECOND, MINUTE, MINUTE + SECOND):
        async with database.writing() as connection:
            await save_last_uses(connection, {key_id: NOW + later})
            written += [key.last_used_at for key in await list_keys(connection)]
    assert written == [NOW, NOW, NOW + MINUTE, NOW + MINUTE]


@pytest.mark.parametrize(
    ("changes", "usable"),
    [
        ({"last_used_at": NOW}, True),
        ({"expires_at": NOW + SECOND}, True),
        ({"expires_at": NOW}, False),
        ({"revoked_at": NOW - SECOND}, False),
        ({"removed_at": NOW - SECOND}, False),
    ],
)
async def test_sql_and_python_agree_which_keys_are_usable(
    database: Database, changes: dict[str, Any], usable: bool
) -> None:
    caller_id = await add_caller(database, "alice")
    async with database.writing() as connection:
        await connection.execute(update(api_keys).values(**changes))
        [key] = await list_keys(connection)
        found = await lock_shares(connection, [caller_id], NOW)
        keyless = await list_keyless(connection, NOW)
    assert (key.state(NOW) is KeyState.READY) is bool(found) is (not keyless) is usable


async def test_a_caller_is_keyless_since_its_last_key_ended_and_until_it_has_another(
    database: Database,
) -> None:
    caller_id = await add_caller(database, "alice")
    second = await add_key(database, caller_id, "laptop", expires_at=NOW)
    async with database.writing() as connection:
        assert not await list_keyless(connection, NOW)
        await revoke_keys(connection, [caller_id], at=NOW - MINUTE)
        assert not await list_keyless(connection, NOW - SECOND)
        assert await list_keyless(connection, NOW) == [KeylessCaller(caller_id, "alice", NOW)]
        await change_key(connection, second, expires_at=None)
        assert not await list_keyless(connection, NOW)
