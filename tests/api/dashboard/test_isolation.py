"""Pages have connections of their own: none of theirs that hangs delays a submit."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text

from api.fair_database import FairDatabase
from api.services import PAGE_CONNECTIONS
from tests.api.dashboard.visitor import visit
from tests.api.service import ADMIN, Service

_LOCK = text(
    "LOCK TABLE saved_views IN ACCESS EXCLUSIVE MODE"
)  # the list of jobs reads it, a submit does not
_BLOCKED = text(
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
)


@pytest.mark.parametrize("plain_database_url", ["postgresql"], indirect=True)
async def test_pages_that_hang_hold_no_connection_of_a_submit_and_end(service: Service) -> None:
    services, admin = service.services, await visit(service, ADMIN)
    async with services.database.writing() as connection:
        await connection.execute(_LOCK)
        hanging = [asyncio.create_task(admin.get("/dashboard/jobs")) for _ in range(PAGE_CONNECTIONS + 8)]
        while await connection.scalar(_BLOCKED) < PAGE_CONNECTIONS:  # noqa: ASYNC110 - the server has no event for that
            await asyncio.sleep(0.01)
        used = services.page_database.pool_use()
        assert (used.used, used.waiting > 0) == (PAGE_CONNECTIONS, True)
        assert services.database.pool_use().used == 1, "the connection of this test"
        await service.submit()
        short = FairDatabase(services.settings.sqlalchemy_url, pool=1, statement_timeout=0.2)
        service.app.state.services = replace(services, page_database=short)
        for ask, status in ((admin.get, 503), (admin.fragment, 200)):
            answer = await ask("/dashboard/jobs")
            assert (answer.status_code, "Narrow the filter" in answer.text) == (status, True)
        await short.close()
        service.app.state.services = services
    assert {answer.status_code for answer in await asyncio.gather(*hanging)} <= {200, 503}
    assert (await admin.get("/dashboard/jobs")).status_code == 200
