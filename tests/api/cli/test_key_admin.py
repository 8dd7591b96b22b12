"""API keys in the database: create, limit and revoke."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.key_admin import (
    add_key,
    create_key,
    find_caller,
    has_key,
    limit_callers,
    plan_revocation,
    revoke_keys,
    rotate_key,
)
from api.cli.local_database import read, write
from models.api_keys import FROM_SETTINGS, ApiKey, KeyState, Role, hash_key
from models.clock import now
from models.ids import new_id, public_id
from models.queries.api_keys import list_keys
from models.settings import load_settings
from models.tables import api_keys

Result = TypeVar("Result")

HOUR = timedelta(hours=1)
pytestmark = pytest.mark.usefixtures("migrated")


def run(act: Callable[[AsyncConnection], Awaitable[Result]]) -> Result:
    """Run a change of the current folder's database."""
    return write(load_settings(), act)


def keys() -> list[ApiKey]:
    """Return all keys of the current folder's database."""
    return read(load_settings(), list_keys)


def create(name: str, **options: Any) -> str:
    """Create a caller with a key; return the caller's public id."""
    return public_id("caller", run(lambda connection: create_key(connection, name, **options)).caller_id)


def add(caller: str, name: str, **options: Any) -> str:
    """Add a key to a caller, by name; return its public id."""

    async def act(connection: AsyncConnection) -> str:
        made = await add_key(connection, await find_caller(connection, caller), name, **options)
        return public_id("key", made.id)

    return run(act)


def rotate(name: str, *, overlap: timedelta = HOUR, at: datetime | None = None) -> str:
    """Rotate a key; return the new one."""
    moment = at or now()
    return run(lambda connection: rotate_key(connection, name, overlap=overlap, at=moment)).key


def states(at: datetime | None = None) -> list[tuple[str, KeyState]]:
    return [(key.name, key.state(at or now())) for key in keys()]


def test_only_the_hash_of_a_key_is_stored() -> None:
    made = run(lambda connection: create_key(connection, "alice", role=Role.ADMIN))
    [key] = keys()
    assert (key.caller_id, key.name, key.caller, key.role) == (made.caller_id, "alice", "alice", Role.ADMIN)
    settings = load_settings()
    stored = read(settings, lambda connection: connection.execute(select(api_keys.c.key_hash)))
    assert bytes(stored.scalar_one()) == hash_key(made.key)


def test_revoking_a_name_revokes_all_its_valid_keys_and_no_others() -> None:
    for name in ("alice", "alice", "bob"):
        create(name)
    assert run(lambda connection: revoke_keys(connection, "alice")) == 2
    assert run(lambda connection: revoke_keys(connection, "alice")) == 0
    assert [key.name for key in keys() if key.revoked_at is None] == ["bob"]


def test_an_id_of_a_key_means_that_key_and_of_a_caller_all_its_keys() -> None:
    caller = create("alice")
    key = add("alice", "laptop")
    add("alice", "ci")
    create("bob")
    assert run(lambda connection: revoke_keys(connection, key)) == 1
    assert [key.name for key in keys() if key.revoked_at] == ["laptop"]
    assert run(lambda connection: revoke_keys(connection, caller)) == 2


def test_only_the_revocation_of_the_last_usable_key_leaves_a_caller_without_one() -> None:
    caller = create("alice")
    add("alice", "laptop", expires_at=now() - HOUR)
    add("alice", "ci")
    for name, keyless in (("alice", 0), ("ci", 0), (caller, 1)):
        plan = run(lambda connection, name=name: plan_revocation(connection, name, now()))
        assert (len(plan.keyless), plan.queued) == (keyless, 0)
    run(lambda connection: revoke_keys(connection, "ci"))
    assert len(run(lambda connection: plan_revocation(connection, "alice", now())).keyless) == 1


def test_a_rotated_key_has_the_same_caller_role_and_lifetime_and_the_old_one_ends_after_the_overlap() -> None:
    at = now()
    create("alice")
    add("alice", "ci", role=Role.ADMIN, expires_at=at + 48 * HOUR)
    new = rotate("ci", at=at + HOUR)
    _, old, renewed = keys()
    assert new != old.key_hint
    assert old.expires_at == at + 2 * HOUR
    assert (renewed.name, renewed.role, renewed.caller_id) == ("ci", Role.ADMIN, old.caller_id)
    assert renewed.expires_at is not None
    assert abs(renewed.expires_at - (at + 49 * HOUR)) < timedelta(minutes=1)
    assert states(at + 3 * HOUR)[1:] == [("ci", KeyState.EXPIRED), ("ci", KeyState.READY)]


def test_a_second_rotation_ends_no_key_later_than_the_first_one_promised() -> None:
    create("alice")
    at = now()
    rotate("alice", at=at)
    rotate("alice", at=at, overlap=24 * HOUR)
    assert sorted(str(key.expires_at) for key in keys()) == sorted(
        [str(at + HOUR), str(at + 24 * HOUR), "None"]
    )


def test_without_an_overlap_the_old_key_is_revoked() -> None:
    create("alice")
    rotate("alice", overlap=timedelta())
    assert states() == [("alice", KeyState.REVOKED), ("alice", KeyState.READY)]


def test_an_expired_key_can_be_rotated_a_revoked_one_not() -> None:
    create("alice", expires_at=now() + HOUR)
    later = now() + 2 * HOUR
    rotate("alice", at=later)
    assert states(later) == [("alice", KeyState.EXPIRED), ("alice", KeyState.READY)]
    run(lambda connection: revoke_keys(connection, "alice"))
    with pytest.raises(CommandFailed) as refused:
        rotate("alice")
    assert refused.value.code is Exit.NOT_FOUND


def test_a_rotation_needs_one_caller_and_one_name_and_no_key_of_the_settings() -> None:
    caller = create("alice")
    add("alice", "ci")
    create(FROM_SETTINGS)
    for _ in range(2):
        create("bob")
    for name, words in (("bob", "use an id"), (caller, "several keys"), (FROM_SETTINGS, "--caller caller_")):
        with pytest.raises(CommandFailed, match=words):
            rotate(name)
    assert len(keys()) == 5


def test_limits_belong_to_the_callers_of_a_name_or_of_a_key() -> None:
    revoked = create("alice")
    run(lambda connection: revoke_keys(connection, revoked))
    create("alice")
    key = add(public_id("caller", keys()[1].caller_id), "laptop")
    for number, name in enumerate(("alice", "laptop", key)):
        assert run(lambda c, name=name, n=number: limit_callers(c, name, {"rpm": 30 + n})) == 1
        assert [each.rpm for each in keys()] == [None, 30 + number, 30 + number]
    assert run(lambda connection: limit_callers(connection, "nobody", {"rpm": 1})) == 0


def test_a_caller_is_found_by_id_or_by_a_name_that_only_one_has() -> None:
    caller = create("alice")
    create("bob")
    create("bob")
    assert public_id("caller", run(lambda connection: find_caller(connection, caller))) == caller
    assert public_id("caller", run(lambda connection: find_caller(connection, "alice"))) == caller
    for name, code in (("bob", Exit.USAGE), ("x", Exit.NOT_FOUND), (public_id("caller", new_id()), 4)):
        with pytest.raises(CommandFailed) as refused:
            run(lambda connection, name=name: find_caller(connection, name))
        assert refused.value.code == code


def test_only_a_usable_key_counts() -> None:
    assert not run(has_key)
    create("bob", expires_at=now() - HOUR)
    assert not run(has_key)
    create("alice")
    assert run(has_key)
    run(lambda connection: revoke_keys(connection, "alice"))
    assert not run(has_key)
