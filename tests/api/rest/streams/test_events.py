"""Events of a job as server-sent events."""

import asyncio
from typing import Any

import httpx
import orjson
import pytest

from models.states import JobStatus
from tests.api.service import Service

S = JobStatus


def events_of(answer: httpx.Response) -> list[tuple[int, dict[str, Any]]]:
    blocks = [block.split("\n") for block in answer.text.split("\n\n") if block.startswith("id: ")]
    return [(int(block[0][4:]), orjson.loads(block[1][6:])) for block in blocks]


async def test_every_event_is_sent_once_and_the_stream_closes_at_the_end(service: Service) -> None:
    job = await service.submit()
    following = asyncio.create_task(service.get(f"/v1/jobs/{job['id']}/events"))
    await service.move(job, S.QUEUED, S.LEASED, S.RUNNING, S.RUNNING, S.STORING, S.SUCCEEDED)

    answer = await asyncio.wait_for(following, 20)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = events_of(answer)
    assert [number for number, _ in events] == [1, 2, 3, 4, 5, 6]
    assert [event["status"] for _, event in events] == [
        "queued", "leased", "running", "running", "storing", "succeeded"
    ]  # fmt: skip


@pytest.mark.parametrize("last", [1, 2, 3])
async def test_a_stream_resumes_after_the_last_event_seen(service: Service, last: int) -> None:
    job = await service.submit()
    await service.move(job, S.QUEUED, S.LEASED, S.RUNNING)
    following = asyncio.create_task(
        service.get(f"/v1/jobs/{job['id']}/events", headers={"Last-Event-ID": str(last)})
    )
    await service.move(job, S.RUNNING, S.FAILED)

    events = events_of(await asyncio.wait_for(following, 20))
    assert [number for number, _ in events] == list(range(last + 1, 5))


async def test_a_stream_resumed_after_the_end_gets_204(service: Service) -> None:
    job = await service.submit()
    await service.move(job, S.QUEUED, S.FAILED)
    path = f"/v1/jobs/{job['id']}/events"

    assert [number for number, _ in events_of(await service.get(path))] == [1, 2]
    assert (await service.get(path, headers={"Last-Event-ID": "2"})).status_code == 204


async def test_the_stream_of_a_retried_job_continues_past_its_first_end(service: Service) -> None:
    job = await service.submit()
    await service.move(job, S.QUEUED, S.FAILED)
    await service.post(f"/v1/jobs/{job['id']}/retry")
    await service.move(job, S.QUEUED, S.FAILED)

    assert [number for number, _ in events_of(await service.get(f"/v1/jobs/{job['id']}/events"))] == [
        1,
        2,
        3,
        4,
    ]


async def test_many_streams_of_one_job_get_every_event(service: Service) -> None:
    job = await service.submit()
    following = [asyncio.create_task(service.get(f"/v1/jobs/{job['id']}/events")) for _ in range(30)]
    await asyncio.sleep(0)
    await service.move(job, S.QUEUED, S.FAILED)

    for answer in await asyncio.wait_for(asyncio.gather(*following), 30):
        assert [number for number, _ in events_of(answer)] == [1, 2]


async def test_a_stream_that_begins_beyond_the_last_event_ends_with_its_job(service: Service) -> None:
    job = await service.submit()
    path, beyond = f"/v1/jobs/{job['id']}/events", {"Last-Event-ID": "2000000000"}
    following = asyncio.create_task(service.get(path, headers=beyond))
    await service.move(job, S.QUEUED, S.LEASED, S.QUEUED, S.FAILED)
    assert events_of(await asyncio.wait_for(following, 20))[-1][1]["status"] == "failed"
    assert (await service.get(path, headers=beyond)).status_code == 204
