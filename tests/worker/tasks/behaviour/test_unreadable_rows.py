"""Rows that can't be read, or written, end by themselves: never with their neighbours."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from models.queries.leases import leased_to
from models.tables import jobs
from tests.support.darkroom import Darkroom, OneWorker, open_darkroom
from tests.support.unreadable_rows import (
    EVERY_KIND,
    MALFORMED,
    ODD,
    UNREADABLE,
    UNWRITABLE,
    any_change,
    spoil,
)
from tests.worker.tasks.beats import heartbeat
from worker.maintenance.expiry import expire_overdue
from worker.maintenance.reaper import reclaim

ENDED = {"failed", "held", "succeeded", "expired"}
# examples share a database, which makes shrinking slow
ANY_CHANGE = settings(
    max_examples=3,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    practice = {"deliver": "markdown_data", "interval": 0}
    async with open_darkroom(
        plain_database_url, tmp_path, practice=practice, upstream_concurrency=50
    ) as opened:
        yield opened


async def with_neighbours(
    darkroom: Darkroom, kinds: dict[str, tuple[str, str, str]], **values: Any
) -> tuple[dict[str, UUID], list[UUID]]:
    """Submit a job of each kind, each between others; return them by kind, and the others."""
    caller, good, bad = await darkroom.caller(), [], {}
    for kind, change in kinds.items():
        if len(bad) % 3 == 0:
            good.append(await darkroom.submit(caller, **values))
        bad[kind] = await darkroom.submit(caller, **values)
        await spoil(darkroom.services.database, "jobs", bad[kind], change)
    return bad, [*good, await darkroom.submit(caller, **values)]


async def statuses(darkroom: Darkroom, job_ids: list[UUID]) -> set[str]:
    async with darkroom.services.database.reading() as connection:
        return set(await connection.scalars(select(jobs.c.status).where(jobs.c.id.in_(job_ids))))


async def run_until_done(darkroom: Darkroom, worker: OneWorker, job_ids: list[UUID]) -> None:
    for _ in range(40):
        await worker.run_round()
        await heartbeat(worker).beat()
        darkroom.clock.forward(seconds=1)
        if await statuses(darkroom, job_ids) <= ENDED:
            return


async def test_every_neighbour_in_a_leased_chunk_is_called_and_the_unreadable_job_ends_in_words(
    darkroom: Darkroom,
) -> None:
    never = {**UNREADABLE, **MALFORMED}
    bad, good = await with_neighbours(darkroom, {**never, **ODD, **UNWRITABLE})
    worker = await darkroom.worker(slots=50)
    await run_until_done(darkroom, worker, [*good, *(bad[kind] for kind in never)])
    assert await statuses(darkroom, good) == {"succeeded"}
    for kind, job_id in bad.items():
        job = await darkroom.job(job_id)
        if kind in MALFORMED or (kind in UNREADABLE and job.status != "succeeded"):
            assert (job.status, job.error["code"]) == ("failed", "unreadable"), kind
            assert never[kind][0] in job.error["message"], kind
        elif kind in ODD:
            assert job.status == "succeeded", kind


@ANY_CHANGE
@given(changes=st.lists(any_change, min_size=10, max_size=20))
async def test_whatever_a_row_holds_its_neighbours_are_called(
    darkroom: Darkroom, changes: list[tuple[str, str, str]]
) -> None:
    kinds = {str(number): change for number, change in enumerate(changes)}
    _, good = await with_neighbours(darkroom, kinds)
    worker = await darkroom.worker(slots=50)
    await run_until_done(darkroom, worker, good)
    assert await statuses(darkroom, good) == {"succeeded"}


async def test_every_overdue_neighbour_expires(darkroom: Darkroom) -> None:
    past = darkroom.clock() - timedelta(seconds=1)
    kinds = {kind: change for kind, change in EVERY_KIND.items() if change[0] != "expires_at"}
    kinds["a deadline before the calendar"] = ("expires_at", "'0000-99-99'", "'-infinity'::timestamptz")
    bad, good = await with_neighbours(darkroom, kinds, expires_at=past)
    await expire_overdue(darkroom.services.database, darkroom.clock())
    assert await statuses(darkroom, good) == {"expired"}
    job = await darkroom.job(bad["a deadline before the calendar"])
    assert (job.status, job.error["code"]) == ("expired", "expired")


@pytest.mark.parametrize("state", ["leased", "running", "storing"])
async def test_every_neighbour_of_a_lost_worker_is_reclaimed(darkroom: Darkroom, state: str) -> None:
    worker, at = await darkroom.worker(), darkroom.clock()
    channel, worker_id = (await darkroom.channel()).id, worker.context.worker_id
    values = {"status": state, "worker_id": worker_id, "channel_id": channel, "lease_token": worker_id}
    times = {"leased_at": at, "start_at": at, "answer": {"images": []} if state == "storing" else None}
    kinds = {**EVERY_KIND, "an answer that is a text": ("answer", "'\"a\"'", "'\"a\"'::jsonb")}
    kinds["a lease beyond the calendar"] = ("leased_at", "'later'", "'infinity'::timestamptz")
    bad, good = await with_neighbours(darkroom, kinds, **values, **times)
    services = darkroom.services
    async with services.database.writing() as connection:
        leased = await leased_to(connection, worker_id)
        await reclaim(connection, leased, worker_id, services.policies, at)
    expected = {"leased": "queued", "running": "held", "storing": "storing"}[state]
    assert await statuses(darkroom, good) == {expected}
    assert {(await darkroom.job(job_id)).worker_id for job_id in good} == {None}
    for kind in UNREADABLE:
        job = await darkroom.job(bad[kind])
        if job.status != expected:
            assert job.status == ("failed" if state == "leased" else "held"), kind
            assert job.error["code"] == "unreadable", kind


async def test_a_sweep_releases_every_neighbour_whose_message_was_lost(darkroom: Darkroom) -> None:
    worker, at = await darkroom.worker(), darkroom.clock()
    channel, worker_id = (await darkroom.channel()).id, worker.context.worker_id
    values = {"status": "leased", "worker_id": worker_id, "channel_id": channel, "lease_token": worker_id}
    kinds = {**EVERY_KIND, "a lease beyond the calendar": ("leased_at", "'later'", "'infinity'::timestamptz")}
    kinds["a start beyond the calendar"] = ("start_at", "'later'", "'infinity'::timestamptz")
    _, good = await with_neighbours(darkroom, kinds, **values, leased_at=at, start_at=at)
    darkroom.clock.forward(seconds=30)
    await heartbeat(worker).beat()
    assert await statuses(darkroom, good) == {"queued"}
