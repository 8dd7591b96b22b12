"""Queries of a long outbox find their rows by an index."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import create_engine, insert
from sqlalchemy import text as sql

from migrations import synchronous
from models.database import Database
from models.ids import new_id
from models.queries.webhooks import deliveries
from models.queries.webhooks.outbox import new_delivery
from models.tables import callers, webhook_deliveries, webhook_endpoints
from models.webhook_events import DeliveryStatus, WebhookEvent
from tests.support.databases import sqlalchemy_url
from tests.support.filled_database import START, key
from tests.support.query_plans import Run, plans_of

ROWS = 5000
ENDPOINT = key("endpoint", 1)
LATE = START + timedelta(hours=10)


def delivery(number: int) -> dict[str, Any]:
    """Return a delivery; most were delivered long ago, one in a hundred is pending."""
    waiting = number % 100 == 0
    return new_delivery(
        caller_id=key("caller", number % 5),
        endpoint_id=ENDPOINT if number % 2 else None,
        job_id=None,
        url="https://receiver.example/hook",
        event=WebhookEvent.TEST,
        revision=0,
        snapshot={},
        at=START + timedelta(seconds=number),
        status=DeliveryStatus.PENDING if waiting else DeliveryStatus.DELIVERED,
    )


def endpoint() -> dict[str, Any]:
    """Return the endpoint of half of them."""
    row = {"id": ENDPOINT, "caller_id": key("caller", 1), "url": "https://receiver.example/hook"}
    return row | {"description": "", "events": [], "secret": "whsec_", "created_at": START}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def long_outbox(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database with a long outbox."""
    with request.getfixturevalue(f"{request.param}_copies").fresh() as url:
        engine = create_engine(synchronous(sqlalchemy_url(url)))
        with engine.begin() as connection:
            rows = [
                {"id": (who := key("caller", number)), "name": "c", "key_hash": who.bytes * 2}
                for number in range(5)
            ]
            more = {"key_hint": "", "admin": False, "created_at": START}
            connection.execute(insert(callers), [row | more for row in rows])
            connection.execute(insert(webhook_endpoints).values(**endpoint()))
            connection.execute(insert(webhook_deliveries), [delivery(number) for number in range(ROWS)])
            connection.execute(sql("ANALYZE"))
        engine.dispose()
        yield sqlalchemy_url(url)


@pytest.fixture
async def database(long_outbox: str) -> AsyncIterator[Database]:
    opened = Database(long_outbox)
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    ("index", "ask"),
    [
        (
            "ix_webhook_deliveries_due",
            lambda connection: deliveries.due_deliveries(connection, at=LATE, without=["a"], limit=16),
        ),
        *(
            (
                "ix_webhook_deliveries_caller_id_endpoint_id_id",
                lambda connection, to=to: deliveries.list_deliveries(
                    connection, key("caller", 1), to, statuses=(), before=new_id(), limit=50
                ),
            )
            for to in (None, ENDPOINT)
        ),
    ],
)
async def test_deliveries_are_found_by_an_index(database: Database, index: str, ask: Run) -> None:
    (plan,) = await plans_of(database, ask)
    assert index in plan.indexes, plan.text
    assert plan.faults == (), plan.text


async def test_deliveries_to_prune_are_found_by_id(database: Database) -> None:
    plan, _ = await plans_of(  # of what finds them, and of what deletes those by their ids
        database, lambda connection: deliveries.prune_deliveries(connection, before=LATE, limit=100)
    )
    assert "webhook_deliveries" in "".join(plan.indexes), plan.text
    assert plan.faults == (), plan.text
