"""Calls of 24 hours with their totals."""

from datetime import UTC, datetime, timedelta

from api.overview.calls import read_calls, total_calls
from api.overview.counts import read_counts
from models.queries.dashboard.figures import BUCKET, CallBucket
from tests.api.dashboard.visitor import add_channel
from tests.api.service import Service

NOW = datetime(2026, 11, 30, 12, 15, tzinfo=UTC)


def test_figures_are_of_calls_that_ended_and_of_the_day() -> None:
    start = datetime(2026, 11, 30, 12, tzinfo=UTC)
    buckets = [
        CallBucket(start, "USD", calls=10, succeeded=6, failed=2, cost_micro=600),
        CallBucket(start, "CNY", calls=1, succeeded=1, failed=0, cost_micro=5),
        CallBucket(start - timedelta(hours=13), "USD", calls=4, succeeded=2, failed=2, cost_micro=900),
    ]
    found = total_calls(buckets, NOW)
    assert (found.failed, found.ended) == (4, 13)
    assert found.share == 4 / 13
    assert found.spent_today == {"USD": 600, "CNY": 5}
    assert found.per_minute == 7 / ((BUCKET + 900) / 60)
    assert total_calls([], NOW).share is None


async def test_figures_are_read_from_the_database(service: Service) -> None:
    await add_channel(service)
    await service.finish(await service.submit(), b"png")
    found = await read_calls(service.services, None)
    assert (found.ended, found.failed) == (1, 0)
    assert (await read_counts(service.services, None)).steps.has_success
    shown = (await service.get("/v1/overview")).json()["last_24_hours"]
    assert (shown["ended"], [each["succeeded"] for each in shown["half_hours"]]) == (1, [1])
