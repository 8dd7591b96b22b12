"""Inserting submitted jobs within the limit of queued jobs of their caller."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models.clock import rfc3339
from models.ids import public_id
from models.queries.callers import change_limits, lock_shares
from models.tables import events, jobs
from tests.api.service import BOB, JOB, S, Service
from worker.practice.drawing.png import tiny_png


@pytest.fixture
async def limited(service: Service) -> Service:
    """The API for Alice, who may have three queued jobs."""
    await limit(service, 3)
    return service


async def limit(service: Service, count: int | None) -> None:
    caller = (await service.services.authenticator.check(service.key or "")).caller
    assert caller is not None
    async with service.services.database.writing() as connection:
        await change_limits(connection, caller.id, {"max_queued": count})
    service.services.authenticator.forget()


def data_url(prompt: str) -> str:
    return f"data:image/png;base64,{base64.b64encode(tiny_png(prompt, 1)).decode()}"


def stored_files(folder: Path) -> set[Path]:
    return {path for path in (folder / "pictures").rglob("*") if path.is_file()}


async def submit_batch(service: Service, count: int, **headers: str) -> Any:
    return await service.post("/v1/jobs", json={"jobs": [JOB] * count}, headers=headers)


async def queued(service: Service) -> int:
    return len((await service.get("/v1/jobs?status=queued&limit=200")).json()["data"])


async def test_a_job_beyond_the_limit_is_refused_until_another_has_left_the_queue(limited: Service) -> None:
    first, *_ = [await limited.submit() for _ in range(3)]
    refused = await limited.post("/v1/jobs", json=JOB)
    assert (refused.status_code, refused.json()["code"], refused.json()["limit"]) == (429, "queue_full", 3)
    assert int(refused.headers["retry-after"]) > 0
    assert "3 jobs of your key may wait" in refused.json()["detail"]
    assert (await limited.with_key(BOB).submit())["status"] == "queued"
    await limited.move(first, S.QUEUED, S.CANCELLED)
    await limited.submit()


async def test_jobs_of_a_batch_beyond_the_limit_are_rejected_by_their_index(limited: Service) -> None:
    await limited.submit()
    wrong = {"model": "gpt-image"}
    answer = await limited.post("/v1/jobs", json={"jobs": [wrong, JOB, JOB, JOB, wrong, JOB]})
    body = answer.json()
    assert answer.status_code == 202
    assert [job["index"] for job in body["accepted"]] == [1, 2]
    codes = {each["index"]: each["code"] for each in body["rejected"]}
    assert codes == {0: "invalid", 3: "queue_full", 4: "invalid", 5: "queue_full"}
    assert await queued(limited) == 3
    assert (await submit_batch(limited, 2)).status_code == 429


async def test_submits_at_the_same_time_do_not_exceed_the_limit_together(limited: Service) -> None:
    for room in (3, 20):
        await limit(limited, room)
        answers = await asyncio.gather(*(submit_batch(limited, 1 + n % 2) for n in range(20)))
        assert {answer.status_code for answer in answers} <= {202, 429}
        assert await queued(limited) == room


async def test_an_accepted_submit_is_replayed_although_the_queue_is_full(limited: Service) -> None:
    same = {"Idempotency-Key": "night-1"}
    answers = await asyncio.gather(*(submit_batch(limited, 3, **same) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [202] * 4
    assert len({str([job["id"] for job in answer.json()["accepted"]]) for answer in answers}) == 1
    refused = await submit_batch(limited, 1, **{"Idempotency-Key": "night-2"})
    assert refused.status_code == 429
    await limit(limited, 4)
    again = await submit_batch(limited, 1, **{"Idempotency-Key": "night-2"})
    assert (again.status_code, len(again.json()["accepted"])) == (202, 1)


async def test_a_removed_limit_rejects_no_job(limited: Service) -> None:
    await limit(limited, None)
    assert len((await submit_batch(limited, 9)).json()["accepted"]) == 9


async def test_a_dispatch_round_does_not_skip_a_caller_during_a_submit(service: Service) -> None:
    caller = (await service.services.authenticator.check(service.key or "")).caller
    assert caller is not None
    job, database = await service.submit(), service.services.database
    if database.is_sqlite:
        return  # its writers take turns
    async with database.writing() as submit, database.writing() as round_:
        await submit.exec_driver_sql(
            "INSERT INTO campaigns (caller_id, name, updated_at) VALUES (%(id)s, 'c', now())",
            {"id": caller.id},
        )
        shares = await lock_shares(round_, [caller.id], service.services.clock())
        assert [row.id for row in shares] == [caller.id]
    assert job


async def test_a_refused_submit_leaves_no_input_image_behind(limited: Service, tmp_path: Path) -> None:
    await submit_batch(limited, 3)
    before = stored_files(tmp_path)
    for number in range(20):
        answer = await limited.post("/v1/jobs", json={**JOB, "images": [data_url(f"cat {number}")]})
        assert answer.status_code == 429
    assert stored_files(tmp_path) == before


async def test_of_a_batch_beyond_the_limit_only_the_images_of_accepted_jobs_are_stored(
    limited: Service, tmp_path: Path
) -> None:
    await submit_batch(limited, 1)
    before = stored_files(tmp_path)
    jobs = [{**JOB, "images": [data_url(f"cat {number}")]} for number in range(5)]
    answer = await limited.post("/v1/jobs", json={"jobs": jobs})
    assert (answer.status_code, len(answer.json()["accepted"])) == (202, 2)
    assert len(stored_files(tmp_path) - before) == 2


async def test_single_submits_at_once_keep_their_own_time_and_request_id(service: Service) -> None:
    names = [f"submit-{number}" for number in range(5)]
    answers = await asyncio.gather(
        *(service.post("/v1/jobs", json=JOB, headers={"X-Request-Id": name}) for name in names)
    )
    submitted = {answer.json()["id"]: answer.json() for answer in answers}
    assert len(submitted) == 5
    async with service.services.database.reading() as connection:
        rows = (await connection.execute(select(jobs))).all()
        first = (await connection.execute(select(events.c.job_id, events.c.at, events.c.revision))).all()
    assert sorted(row.request_id for row in rows) == names
    assert {row.id: row.created_at for row in rows} == {event.job_id: event.at for event in first}
    for row in rows:
        shown = submitted[public_id("job", row.id)]
        assert (shown["created_at"], row.updated_at) == (rfc3339(row.created_at), row.created_at)
        assert {event.revision for event in first} == {1}
