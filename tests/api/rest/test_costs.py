"""``GET /v1/costs``: calls and costs by group, of the caller's own jobs."""

from typing import Any

import pytest
from sqlalchemy import update

from models.clock import now
from models.ids import new_id
from models.outcomes import Billed, Outcome
from models.queries.attempts import AttemptRecord, NewAttempt, finish_attempts, insert_attempts
from models.tables import attempts, jobs
from tests.api.service import ADMIN, Service, key_of


async def call(service: Service, job: dict[str, Any], micro: int | None, *, outcome: str = "success") -> None:
    """Write a call of a job with its cost."""
    new = NewAttempt(
        job_id=key_of(job),
        number=1,
        generation=1,
        channel="one",
        worker_id=new_id(),
        sent_at=now(),
        reserved_micro=90_000,
        currency="USD",
    )
    record = AttemptRecord(
        job_id=new.job_id, number=1, finished_at=now(), outcome=Outcome(outcome), billed=Billed.YES
    )
    async with service.services.database.writing() as connection:
        await insert_attempts(connection, [new])
        await finish_attempts(connection, [record])
        values = {"cost_micro": micro, "cost_source": "tokens"}
        await connection.execute(update(attempts).where(attempts.c.job_id == new.job_id).values(**values))


async def test_a_report_has_amounts_as_texts_and_shows_own_jobs_only(service: Service) -> None:
    await call(service, await service.submit(campaign="spring"), 60_000)
    await call(service, await service.submit(campaign="spring"), 30_000, outcome="permanent")
    await call(service, await service.submit(), None, outcome="ambiguous")
    found = (await service.get("/v1/costs?by=campaign,channel")).json()
    by = {group["campaign"]: group for group in found["data"]}
    spring = by["spring"]
    assert (spring["cost"], spring["currency"], spring["calls"], spring["channel"]) == (
        "0.09",
        "USD",
        2,
        "one",
    )
    assert spring["made"] == {"calls": 1, "cost": "0.06"}
    assert spring["failed_but_charged"] == {"calls": 1, "cost": "0.03"}
    assert (spring["reservation_error"], spring["approved"], spring["cost_per_approved"]) == (0.5, 0, None)
    assert by[None]["unknown"] == {"calls": 1, "reserved": "0.09"}
    admin = service.with_key(ADMIN)
    assert len((await admin.get("/v1/costs?by=key")).json()["data"]) == 1
    only = (await service.get("/v1/costs?campaign=spring&by=day")).json()["data"]
    assert [(each["day"], each["calls"]) for each in only] == [(now().date().isoformat(), 2)]


async def test_the_job_shows_the_cost_of_each_call(service: Service) -> None:
    job = await service.submit()
    await call(service, job, 60_000)
    async with service.services.database.writing() as connection:
        await connection.execute(update(jobs).values(revision=2))  # in the first there are no calls
    (attempt,) = (await service.read(job))["attempts"]
    assert {name: attempt[name] for name in ("cost", "reserved", "currency", "cost_source")} == {
        "cost": "0.06",
        "reserved": "0.09",
        "currency": "USD",
        "cost_source": "tokens",
    }


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("by=weather", "by"),
        ("by=", "by"),
        ("since=yesterday", "since"),
        ("since=9999-01-01T00:00:00Z", "since"),
        ("since=0001-01-01T00:00:00Z", "since"),
        ("until=9999-12-31T23:59:59-23:00", "until"),
        ("colour=red", "colour"),
    ],
)
async def test_a_parameter_that_makes_no_sense_is_named(service: Service, query: str, field: str) -> None:
    answer = await service.get(f"/v1/costs?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_only_an_admin_chooses_a_caller(service: Service) -> None:
    assert (await service.get("/v1/costs?caller=x")).status_code == 403
    assert (await service.with_key(ADMIN).get("/v1/costs?caller=x")).status_code == 422
