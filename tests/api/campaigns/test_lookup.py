"""A campaign is found by its id or name, by its owner and by admins."""

import pytest

from api.auth import Caller
from api.campaigns.lookup import find_named, get_named
from api.web.problems import Problem
from tests.api.rest.campaigns.conftest import Create
from tests.api.service import ADMIN, BOB, Service


async def caller_of(service: Service, key: str) -> Caller:
    found = (await service.services.authenticator.check(key)).caller
    assert found is not None
    return found


async def test_owner_and_admin_find_it_and_no_other_caller(create: Create, service: Service) -> None:
    public = (await create())["id"]
    async with service.services.database.reading() as connection:
        for key, found in ((service.key or "", True), (ADMIN, True), (BOB, False)):
            caller = await caller_of(service, key)
            for text in (public, "spring"):
                assert (await find_named(connection, caller, text) is not None) is found
        with pytest.raises(Problem, match="no campaign 'spring'"):
            await get_named(connection, await caller_of(service, BOB), "spring")
