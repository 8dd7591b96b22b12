"""Ceiling of queued jobs for callers without a limit of their own."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import event

from api.jobs.queue_ceiling import QueueCeiling
from tests.api.service import S, Service

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def alice(service: Service) -> UUID:
    """Id of the caller that the service is called by, with two queued jobs and one that has ended."""
    for _ in range(2):
        await service.submit()
    await service.move(await service.submit(), S.QUEUED, S.CANCELLED)
    found = (await service.services.authenticator.check(service.key or "")).caller
    assert found is not None
    return found.id


async def left(
    ceiling: QueueCeiling, service: Service, caller: UUID, count: int, seconds: float
) -> int | None:
    room = await ceiling.room(service.services.database, caller, count, AT + timedelta(seconds=seconds))
    return None if room is None else room.left


async def test_jobs_are_counted_and_what_is_inserted_since_is_added(service: Service, alice: UUID) -> None:
    ceiling = QueueCeiling(5)
    assert await left(ceiling, service, alice, 3, 0) is None
    assert await left(ceiling, service, alice, 4, 0) == 3
    ceiling.add(alice, 3)
    assert await left(ceiling, service, alice, 1, 0.5) == 0
    assert await left(ceiling, service, alice, 1, 2) is None  # counted again: nothing was inserted


async def test_jobs_are_counted_at_intervals_only(service: Service, alice: UUID) -> None:
    ceiling, statements = QueueCeiling(100), list[str]()
    engine = service.services.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    for second in range(0, 120, 5):
        assert await left(ceiling, service, alice, 1, second) is None
    assert sum("count(" in statement for statement in statements) == 2


async def test_without_a_limit_nothing_is_counted(service: Service, alice: UUID) -> None:
    assert await left(QueueCeiling(0), service, alice, 1000, 0) is None
