"""Statements of pages: at most three of a list's own, and few more for what all readers share."""

from collections.abc import Awaitable, Callable, Mapping

import httpx
from sqlalchemy import event

from api.services import ApiServices
from tests.api.dashboard.made_campaign import make_campaign
from tests.api.dashboard.visitor import add_channel, visit
from tests.api.service import ADMIN, BOB, Service
from tests.api.service import S as Status

_OWN = 3  # its session with the key; its rows, with what is beside them; what belongs to these rows
_SHARED = {  # of a process one reader at most reads them again: after 1 s, the snapshot after 0.25 s
    "/dashboard/jobs": 2,  # jobs by state; the scheduler's snapshot: why queued jobs wait
    "/dashboard/jobs?status=queued": 2,
    "/dashboard/jobs?text=cat&tag=a": 2,
    "/dashboard/campaigns": 1,  # campaigns by status
}
_LISTS = (
    *_SHARED,
    *(f"/dashboard/{name}" for name in ("gallery", "errors", "actions", "channels", "workers")),
)
_LISTS += tuple(f"/dashboard/{name}" for name in ("webhooks", "audit", "keys", "costs"))
_OVERVIEW = 14  # figures, no list


async def too_many(
    service: Service, sent: list[str], ask: Callable[[str], Awaitable[httpx.Response]]
) -> Mapping[str, int]:
    """Return the pages that send more statements than they may, each read by a process without caches."""
    found = {}
    for path in (*_LISTS, "/dashboard"):
        service.services.sessions.forget()
        service.services.authenticator.forget()
        service.services.snapshots.clear()
        service.app.state.dashboard_results = {}
        sent.clear()
        answer = await ask(path)
        assert answer.status_code == 200, answer.text
        if len(sent) > (_OVERVIEW if path == "/dashboard" else _OWN + _SHARED.get(path, 0)):
            found[path] = len(sent)
    return found


def listen(services: ApiServices, sent: list[str]) -> None:
    """Note the statements of pages, and of the API those that find a session or a key."""

    def note(*given: str) -> None:
        if given[2] != "BEGIN":
            sent.append(given[2])

    def note_access(*given: str) -> None:
        if "api_keys" in given[2] and not given[2].startswith("UPDATE"):
            sent.append(given[2])

    event.listen(services.page_database.engine.sync_engine, "before_cursor_execute", note)
    event.listen(services.database.engine.sync_engine, "before_cursor_execute", note_access)


async def test_a_list_sends_three_statements_of_its_own_for_any_number_of_rows(service: Service) -> None:
    admin, sent = await visit(service, ADMIN), list[str]()
    await make_campaign(service)
    listen(service.services, sent)
    assert await too_many(service, sent, admin.get) == {}
    await add_channel(service)
    await make_campaign(service.with_key(BOB), "a dog")
    await service.submit(tags=["a"])
    await service.hold()
    storing = await service.submit()
    await service.move(storing, Status.QUEUED, Status.LEASED, Status.RUNNING, Status.STORING)
    assert await too_many(service, sent, admin.fragment) == {}
