"""Deliveries as a queue: what is due, claimed, recorded, and replayed."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from models.ids import new_id
from models.queries.webhooks.deliveries import (
    claim,
    claimed_deliveries,
    due_deliveries,
    find_delivery,
    record_results,
    release,
    replay,
)
from models.queries.webhooks.outbox import insert_deliveries, new_delivery
from models.webhook_events import WebhookEvent
from tests.support.darkroom import Darkroom

MINUTE = timedelta(minutes=1)


async def insert(darkroom: Darkroom, caller: UUID, **values: Any) -> UUID:
    """Insert a pending delivery that is due now, and return its id."""
    row = {
        "caller_id": caller,
        "endpoint_id": None,
        "job_id": None,
        "url": "https://receiver.example/hook",
        "event": WebhookEvent.SUCCEEDED,
        "revision": 1,
        "snapshot": {},
        "at": darkroom.clock(),
        **values,
    }
    delivery = new_delivery(**row)
    async with darkroom.services.database.writing() as connection:
        await insert_deliveries(connection, [delivery])
    return UUID(str(delivery["id"]))


async def due(darkroom: Darkroom, at: datetime, *, without: tuple[str, ...] = ()) -> list[UUID]:
    async with darkroom.services.database.reading() as connection:
        rows = await due_deliveries(connection, at=at, without=without, limit=9, lock=False)
    return [row.id for row in rows]


def result(delivery_id: UUID, token: UUID, at: datetime, status: str = "delivered") -> dict[str, Any]:
    values = {"id": delivery_id, "claim": token, "status": status, "tries": 1, "log": []}
    return {**values, "next_at": at, "ended_at": None if status == "pending" else at}


async def test_a_later_event_of_a_job_is_due_for_the_same_receiver_when_the_earlier_one_has_ended(
    darkroom: Darkroom,
) -> None:
    caller, at, token = await darkroom.caller(), darkroom.clock(), new_id()
    job_id = await darkroom.submit(caller)
    first = await insert(darkroom, caller, job_id=job_id, revision=2)
    second = await insert(darkroom, caller, job_id=job_id, revision=3)
    assert await due(darkroom, at) == [first]
    async with darkroom.services.database.writing() as connection:
        await claim(connection, [first], token, until=at + MINUTE)
    assert await due(darkroom, at) == []
    async with darkroom.services.database.writing() as connection:
        await record_results(connection, [result(first, token, at)])
    assert await due(darkroom, at) == [second]


async def test_hosts_at_their_limit_are_left_out(darkroom: Darkroom) -> None:
    caller, at = await darkroom.caller(), darkroom.clock()
    await insert(darkroom, caller)
    other = await insert(darkroom, caller, url="https://other.example/hook")
    assert await due(darkroom, at, without=("receiver.example",)) == [other]


async def test_a_claim_hides_a_delivery_until_it_ends_or_is_released(darkroom: Darkroom) -> None:
    caller, at, token = await darkroom.caller(), darkroom.clock(), new_id()
    delivery_id = await insert(darkroom, caller)
    async with darkroom.services.database.writing() as connection:
        await claim(connection, [delivery_id], token, until=at + MINUTE)
    assert await due(darkroom, at) == []
    assert await due(darkroom, at + MINUTE) == [delivery_id]
    async with darkroom.services.database.writing() as connection:
        await release(connection, [delivery_id], [new_id()], at=at)
    assert await due(darkroom, at) == []
    async with darkroom.services.database.writing() as connection:
        await release(connection, [delivery_id], [token], at=at)
    assert await due(darkroom, at) == [delivery_id]


async def test_only_the_current_claim_may_send_and_record(darkroom: Darkroom) -> None:
    caller, at, old, new = await darkroom.caller(), darkroom.clock(), new_id(), new_id()
    delivery_id = await insert(darkroom, caller)
    async with darkroom.services.database.writing() as connection:
        await claim(connection, [delivery_id], old, until=at)
        await claim(connection, [delivery_id], new, until=at + MINUTE)
        await record_results(connection, [result(delivery_id, old, at)])
    async with darkroom.services.database.reading() as connection:
        stale = await claimed_deliveries(connection, [delivery_id], old, beyond=at)
        current = await claimed_deliveries(connection, [delivery_id], new, beyond=at)
        late = await claimed_deliveries(connection, [delivery_id], new, beyond=at + MINUTE)
    assert ([row.id for row in stale], [row.id for row in current], late) == ([], [delivery_id], [])
    assert current[0].status == "pending"


async def test_a_replay_starts_from_the_first_attempt_and_needs_a_delivery_that_has_ended(
    darkroom: Darkroom,
) -> None:
    caller, at, token = await darkroom.caller(), darkroom.clock(), new_id()
    delivery_id = await insert(darkroom, caller)
    to: dict[str, Any] = {"url": "https://new.example/hook", "host": "new.example", "at": at}
    async with darkroom.services.database.writing() as connection:
        assert not await replay(connection, delivery_id, **to)
        await claim(connection, [delivery_id], token, until=at + MINUTE)
        await record_results(connection, [result(delivery_id, token, at, "failed")])
        assert await replay(connection, delivery_id, **to)
        row = await find_delivery(connection, delivery_id, caller_id=caller)
        assert await find_delivery(connection, delivery_id, caller_id=new_id()) is None
    assert row is not None
    assert (row.status, row.tries, row.replayed, row.host) == ("pending", 0, True, "new.example")
    assert await due(darkroom, at) == [delivery_id]
