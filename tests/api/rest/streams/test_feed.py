"""The stream of events of many jobs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from sqlalchemy import select
from starlette.types import Message

from models.queries.selection.event_feed import last_number
from models.tables import events
from tests.api.service import ADMIN, BOB, S, Service

Event = tuple[int, dict[str, Any]]


class Stream:
    """A stream that a client reads, message by message."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()
        self.gone = asyncio.Event()
        self._asked = False

    async def receive(self) -> Message:
        """Return the request, and then that the client has gone, once it has."""
        if self._asked:
            await self.gone.wait()
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def read(self, count: int) -> list[Event]:
        """Return the next events."""
        found: list[Event] = []
        while len(found) < count:
            block = (await self.messages.get())["body"].decode()
            if block.startswith("id: "):
                first, second = block.strip().split("\n")
                found.append((int(first[4:]), orjson.loads(second[6:])))
        return found


@asynccontextmanager
async def listen(service: Service, **query: Any) -> AsyncIterator[Stream]:
    """Open a stream; it has begun when the context is entered."""
    stream, headers = Stream(), [(b"host", b"darkroom.test")]
    if service.key:
        headers.append((b"authorization", f"Bearer {service.key}".encode()))
    asked = {"type": "http", "method": "GET", "path": "/v1/events", "headers": headers}
    scope = asked | {"query_string": urlencode(query).encode(), "http_version": "1.1", "scheme": "http"}
    task = asyncio.create_task(service.app(scope, stream.receive, stream.messages.put))
    try:
        async with asyncio.timeout(60):
            assert (await stream.messages.get())["status"] == 200
            assert (await stream.messages.get())["body"] == b"retry: 1000\n\n"
            yield stream
    finally:
        stream.gone.set()
        await task


async def test_a_stream_has_the_new_events_of_all_jobs_of_its_caller(service: Service) -> None:
    old = await service.submit()
    async with listen(service) as stream:
        new = await service.submit()
        await service.with_key(BOB).submit()
        await service.move(old, S.QUEUED, S.LEASED)
        await service.post(f"/v1/jobs/{new['id']}/cancel")
        sent = [event for _, event in await stream.read(3)]
    assert [(event["id"], event["revision"], event["status"]) for event in sent] == [
        (new["id"], 1, "queued"),
        (old["id"], 2, "leased"),
        (new["id"], 2, "cancelled"),
    ]
    own = (await service.get(f"/v1/jobs/{new['id']}/events")).text
    assert orjson.dumps(sent[0]).decode() in own, "the same event as in the stream of the job"


async def test_a_stream_goes_on_after_the_last_event_received(service: Service) -> None:
    async with listen(service) as stream:
        for number in range(4):
            await service.submit(prompt=str(number))
        first = await stream.read(4)
    async with listen(service, last_event_id=first[1][0]) as stream:
        await service.submit()
        later = await stream.read(3)
    assert later[:2] == first[2:]
    async with listen(service, last_event_id=10**12) as stream:
        newest = await service.submit()
        assert [event["id"] for _, event in await stream.read(1)] == [newest["id"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [({"campaign": "spring"}, ["a", "c"]), ({"tag": "x"}, ["b", "c"]), ({"model": "flux"}, ["b", "c"])],
)
async def test_a_stream_may_be_of_some_jobs_only(
    service: Service, query: dict[str, str], expected: list[str]
) -> None:
    made: dict[str, str] = {}
    async with listen(service, **query) as live:
        for prompt, fields in (
            ("none", {}),
            ("a", {"campaign": "spring"}),
            ("b", {"model": "flux", "tags": ["x"]}),
            ("c", {"campaign": "spring", "model": "flux", "tags": ["x"]}),
        ):
            made[(await service.submit(prompt=prompt, **fields))["id"]] = prompt
        assert [made[event["id"]] for _, event in await live.read(2)] == expected
    async with listen(service, last_event_id=0, **query) as replayed:
        assert [made[event["id"]] for _, event in await replayed.read(2)] == expected


async def test_an_admin_streams_all_callers_and_a_token_is_enough(service: Service) -> None:
    token = (await service.with_key(ADMIN).post("/v1/tokens", json={})).json()["token"]
    async with listen(service.with_key(None), token=token) as stream:
        mine, bobs = await service.submit(), await service.with_key(BOB).submit()
        sent = await stream.read(2)
    assert [event["id"] for _, event in sent] == [mine["id"], bobs["id"]]


@pytest.mark.parametrize(
    ("query", "status"), [("caller=bob", 403), ("campain=x", 422), ("last_event_id=x", 422), ("token=x", 200)]
)
async def test_a_wrong_request_is_refused(service: Service, query: str, status: int) -> None:
    if status != 200:
        assert (await service.get(f"/v1/events?{query}")).status_code == status
    assert (await service.with_key(None).get(f"/v1/events?{query}")).status_code == 401


async def test_numbers_that_were_sent_are_not_used_again_after_a_deletion(service: Service) -> None:
    await service.submit()
    job = await service.submit()
    await service.post(f"/v1/jobs/{job['id']}/cancel")
    async with service.services.database.reading() as connection:
        newest = await last_number(connection)
    assert (await service.post("/v1/jobs/delete", json={"ids": [job["id"]]})).json()["changed"] == 1
    await service.submit()
    async with service.services.database.reading() as connection:
        numbers = sorted(await connection.scalars(select(events.c.seq)))
    assert numbers[-1] == newest + 1
