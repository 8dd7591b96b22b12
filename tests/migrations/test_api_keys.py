"""The revision of ``api_keys``: the key of each caller moves there; older processes go on writing."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine

from migrations import downgrade, synchronous, upgrade
from tests.migrations.test_migrations import HASH, JOB_ROW, MOMENT, empty_url

__all__ = ["empty_url"]  # a fixture
REVISION, BEFORE = "0009", "0008"
OLD_KEYS = {number: str(number) * 32 for number in range(1, 4)}
#: what the version before sends, of which SQLAlchemy makes the same statements
INSERT = (
    "INSERT INTO callers (id, name, key_hash, key_hint, admin, created_at, revoked_at) "
    "VALUES ('{id}', '{name}', {hash}, 'dk_…', {admin}, {at}, {revoked})"
)
REVOKE = f"UPDATE callers SET revoked_at = {MOMENT} WHERE id = '{{id}}' AND revoked_at IS NULL"
KEYS = "SELECT id, caller_id, name, role, key_hint, key_hash, revoked_at FROM api_keys ORDER BY id"


@pytest.fixture
def engine(empty_url: str) -> Iterator[Engine]:
    """A database of the version before, with a caller."""
    upgrade(empty_url, BEFORE)
    opened = create_engine(synchronous(empty_url))
    add(opened, 1, "ops", admin=True)
    yield opened
    opened.dispose()


def add(engine: Engine, number: int, name: str, *, admin: bool = False, revoked: bool = False) -> None:
    """Insert a caller as the version before does."""
    key_hash = HASH[engine.dialect.name].replace("00", f"{number:02}")
    row = {"id": OLD_KEYS[number], "name": name, "hash": key_hash, "admin": str(admin).lower(), "at": MOMENT}
    with engine.begin() as connection:
        connection.exec_driver_sql(INSERT.format(**row, revoked=MOMENT if revoked else "NULL"))


def keys(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.exec_driver_sql(KEYS).mappings()]


def test_each_caller_keeps_its_jobs_and_its_key_in_the_state_it_was_in(
    engine: Engine, empty_url: str
) -> None:
    add(engine, 2, "bob", revoked=True)
    names, row = zip(*(JOB_ROW | {"caller_id": f"'{OLD_KEYS[1]}'"}).items(), strict=True)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE callers SET rpm = 7 WHERE name = 'ops'")
        connection.exec_driver_sql(f"INSERT INTO jobs ({', '.join(names)}) VALUES ({', '.join(row)})")
    upgrade(empty_url, REVISION)

    ops, bob = keys(engine)
    assert str(ops["id"]).replace("-", "") == str(ops["caller_id"]).replace("-", "") == OLD_KEYS[1]
    assert (ops["name"], ops["role"], bytes(ops["key_hash"]), ops["revoked_at"]) == (
        "ops",
        "admin",
        b"\x01",
        None,
    )
    assert (bob["name"], bob["role"], bool(bob["revoked_at"])) == ("bob", "user", True)
    with engine.connect() as connection:
        joined = "SELECT callers.rpm FROM jobs JOIN callers ON callers.id = jobs.caller_id"
        assert connection.exec_driver_sql(joined).scalars().all() == [7]


def test_a_key_that_an_older_process_makes_or_revokes_is_made_and_revoked_for_newer_ones(
    engine: Engine, empty_url: str
) -> None:
    upgrade(empty_url, REVISION)
    add(engine, 2, "bob")
    assert [(key["name"], key["revoked_at"]) for key in keys(engine)] == [("ops", None), ("bob", None)]
    with engine.begin() as connection:
        assert connection.exec_driver_sql(REVOKE.format(id=OLD_KEYS[2])).rowcount == 1
    assert [bool(key["revoked_at"]) for key in keys(engine)] == [False, True]


def test_the_shares_that_older_dispatchers_write_change_no_key(engine: Engine, empty_url: str) -> None:
    upgrade(empty_url, REVISION)
    before = keys(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE callers SET turn = 7, deficit = 0.5")
    assert keys(engine) == before


def test_taken_back_the_version_before_inserts_callers_as_ever(engine: Engine, empty_url: str) -> None:
    upgrade(empty_url, REVISION)
    downgrade(empty_url, BEFORE)
    add(engine, 2, "bob")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM callers").scalar() == 2
