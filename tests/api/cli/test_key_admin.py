"""API keys in the database: create, limit and revoke."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cli.key_admin import create_key, has_key, limit_keys, revoke_keys
from api.cli.local_database import read, write
from models.api_keys import hash_key
from models.ids import public_id
from models.queries.callers import list_callers
from models.settings import load_settings

Result = TypeVar("Result")

pytestmark = pytest.mark.usefixtures("migrated")


def run(act: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
    """Run a change of the current folder's database."""
    return write(load_settings(), act)


def callers() -> list[Any]:
    """Return all callers of the current folder's database."""
    return list(read(load_settings(), list_callers))


def create(name: str) -> str:
    """Create a key; return its public id."""
    caller_id, _ = run(lambda connection: create_key(connection, name, admin=False))
    return public_id("caller", caller_id)


def test_only_the_hash_of_a_key_is_stored() -> None:
    caller_id, key = run(lambda connection: create_key(connection, "alice", admin=True))
    [caller] = callers()
    assert (caller.id, caller.name, caller.admin) == (caller_id, "alice", True)
    assert caller.key_hash == hash_key(key)
    assert key not in str(tuple(caller))


def test_revoking_a_name_revokes_all_its_valid_keys_and_no_others() -> None:
    for name in ("alice", "alice", "bob"):
        create(name)
    assert run(lambda connection: revoke_keys(connection, "alice")) == 2
    assert run(lambda connection: revoke_keys(connection, "alice")) == 0
    assert [caller.name for caller in callers() if caller.revoked_at is None] == ["bob"]


def test_revoking_an_id_revokes_one_key_of_the_name() -> None:
    chosen, _ = create("alice"), create("alice")
    assert run(lambda connection: revoke_keys(connection, chosen)) == 1
    assert [public_id("caller", caller.id) for caller in callers() if caller.revoked_at] == [chosen]


def test_limits_apply_to_all_valid_keys_of_a_name() -> None:
    revoked = create("alice")
    run(lambda connection: revoke_keys(connection, revoked))
    create("alice")
    assert run(lambda connection: limit_keys(connection, "alice", {"rpm": 30})) == 1
    assert {caller.rpm for caller in callers() if caller.revoked_at is None} == {30}
    assert run(lambda connection: limit_keys(connection, "nobody", {"rpm": 1})) == 0


def test_only_a_valid_key_counts() -> None:
    assert not run(has_key)
    create("alice")
    assert run(has_key)
    run(lambda connection: revoke_keys(connection, "alice"))
    assert not run(has_key)
