"""What the calls of a channel came to, measured on the practice provider and on rows."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from models.clock import now
from models.queries.scheduling.channel_results import EndedCall
from tests.support.darkroom import open_darkroom
from worker.scheduler.channel_results import measure, read_results

AT = datetime(2026, 1, 1, tzinfo=UTC)


def call(
    job: int, outcome: str = "success", *, seconds: float = 9, micro: int | None = 40, **values: Any
) -> EndedCall:
    call = EndedCall("m", UUID(int=job), AT, AT + timedelta(seconds=seconds), outcome, micro, "CNY")
    return call._replace(**values)


def test_failed_calls_that_were_charged_make_pictures_dearer_and_faults_of_a_job_do_not_count() -> None:
    calls = [
        call(1, seconds=3),
        call(2, seconds=5),
        call(2, seconds=50),  # a job of two calls and two pictures
        call(3, "retry", micro=60),
        call(4, "permanent", micro=0, currency=None),
        call(5, micro=None),  # of unknown cost
    ]
    found = measure(calls, {UUID(int=1): 1, UUID(int=2): 2, UUID(int=5): 1})["m"]
    assert (found.calls, found.succeeded, found.failed, found.p50_seconds) == (6, 4, 1, 7)
    assert (found.picture_micro, found.currency) == (60, "CNY")
    assert round(found.reliability, 3) == 0.714
    assert found.is_measured
    mixed = measure([call(1), call(2, currency="USD")], {UUID(int=1): 1, UUID(int=2): 1})["m"]
    assert (mixed.picture_micro, mixed.is_measured) == (None, False)
    assert measure([call(1, "retry")], {})["m"].picture_micro is None


PLAIN: dict[str, Any] = {"images": [], "params": {}}
CHANNELS = [
    {
        "name": name,
        "api_key": f"key-of-{name}-9c1f",
        "models": ("*",),
        "params": {"practice": practice},
        "prices": {"*": {"per_picture": price, "currency": "CNY"}},
    }
    for name, practice, price in (
        ("a-shaky", {"fail": "503"}, 0.02),
        ("b-cheap", {"delay": 0.5}, 0.03),
        ("c-fast", {"delay": 0}, 0.05),
    )
]


@pytest.mark.parametrize("plain_database_url", ["sqlite", "postgresql"], indirect=True)
async def test_each_policy_sends_the_calls_to_the_channel_that_the_practice_provider_shows_to_be_best(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_darkroom(
        plain_database_url,
        tmp_path,
        practice={"deliver": "markdown_data", "interval": 0},
        channels=CHANNELS,
        routing=("practice-image=cheapest",),
        routing_exploration=1.0,
        retry_base=0.001,
        retry_cap=0.001,
    ) as darkroom:
        darkroom.services = replace(darkroom.services, clock=now)
        caller = await darkroom.caller()
        measured = await darkroom.worker(slots=30)
        for _ in range(2):  # everything is explored
            for _ in range(12):
                await darkroom.submit(caller, request=PLAIN)
            for _ in range(2):
                await measured.run_round()
        async with darkroom.services.database.reading() as connection:
            results = await read_results(connection, [each["name"] for each in CHANNELS], now())
        cheap, fast = results["b-cheap", "practice-image"], results["c-fast", "practice-image"]
        shaky = results["a-shaky", "practice-image"]
        assert (cheap.picture_micro, fast.picture_micro, cheap.currency) == (30_000, 50_000, "CNY")
        assert cheap.p50_seconds is not None
        assert fast.p50_seconds is not None
        assert cheap.p50_seconds > max(0.5, fast.p50_seconds)
        assert shaky.reliability < 0.3 < 0.8 < fast.reliability

        for policy, best in (("cheapest", "b-cheap"), ("fastest", "c-fast"), ("most_reliable", None)):
            settings = darkroom.services.settings.model_copy(
                update={"routing": (policy,), "routing_exploration": 0.0}
            )
            darkroom.services = replace(darkroom.services, settings=settings)
            worker = await darkroom.worker(slots=30)
            jobs = [await darkroom.submit(caller, request=PLAIN) for _ in range(4)]
            await worker.run_round()
            calls = [attempt for job in jobs for attempt in await darkroom.attempts(job)]
            went = Counter(attempt.channel for attempt in calls)
            assert went.keys() <= ({best} if best else {"b-cheap", "c-fast"}), policy
            assert all(attempt.routing.startswith(f"{policy}: ") for attempt in calls)
