"""The callers whose jobs a request is about."""

from uuid import UUID

import pytest

from api.auth import Caller
from api.jobs.caller_scope import callers_in_scope
from api.web.problems import Problem
from models.api_keys import Role
from models.database import Database
from models.ids import new_id, public_id
from tests.models.queries.test_api_keys import add_caller

NOBODY = public_id("caller", new_id())


async def scope(database: Database, caller: Caller, wanted: str | None) -> list[UUID]:
    async with database.reading() as connection:
        return list(await callers_in_scope(connection, caller, wanted))


async def test_an_admin_means_all_callers_or_those_of_a_name_or_the_one_of_an_id(database: Database) -> None:
    ids = [await add_caller(database, name, key) for name, key in (("a", "1"), ("b", "2"), ("b", "3"))]
    admin = Caller(ids[0], "a", Role.ADMIN)
    assert await scope(database, admin, None) == ids
    assert await scope(database, admin, "b") == ids[1:]
    assert await scope(database, admin, public_id("caller", ids[2])) == ids[2:]
    for unknown in ("c", NOBODY, "caller_x"):
        with pytest.raises(Problem) as refused:
            await scope(database, admin, unknown)
        assert refused.value.status == 422


async def test_another_key_means_its_own_caller_and_may_choose_none(database: Database) -> None:
    user = Caller(await add_caller(database, "a"), "a", Role.USER)
    assert await scope(database, user, None) == [user.id]
    with pytest.raises(Problem) as refused:
        await scope(database, user, "a")
    assert refused.value.status == 403
