"""Archived responses of a job are parsed again at the request of its caller."""

from typing import Any

from sqlalchemy import insert

from models.clock import now
from models.ids import new_id
from models.states import JobStatus
from models.tables import attempts
from tests.api.service import BOB, Service, key_of
from worker.archive.format import ArchivedResponse, dump
from worker.archive.record_log import RecordLog

S = JobStatus
LINK = b'{"choices":[{"message":{"content":"![a](https://pictures.example/a.png)"}}]}'
TEXT = b'{"choices":[{"message":{"content":"I can not draw today."}}]}'


async def held_with(service: Service, body: bytes | None) -> dict[str, Any]:
    """Submit a job and hold it, with this body as its archived response."""
    job = await service.submit()
    key = None
    if body is not None:
        archived = dump(ArchivedResponse({"at": "2026-01-01T00:00:00.000Z"}, body, status=200))
        key = await RecordLog(service.services.store).put(archived, now())
    attempt = {
        "job_id": key_of(job),
        "number": 1,
        "generation": 1,
        "channel": "here",
        "worker_id": new_id(),
        "sent_at": now(),
        "finished_at": now(),
        "outcome": "no_image",
        "provider_request_id": "req-7",
        "billed": "unknown",
        "raw_key": key,
    }
    async with service.services.database.writing() as connection:
        await connection.execute(insert(attempts).values(**attempt))
    await service.move(job, S.QUEUED, S.LEASED, S.RUNNING)
    await service.move(job, S.RUNNING, S.HELD, error={"code": "no_image", "message": "No picture."})
    return job


async def test_images_found_in_an_archived_response_are_stored(service: Service) -> None:
    job = await held_with(service, LINK)
    answer = await service.post(f"/v1/jobs/{job['id']}/reread")
    result = answer.json()
    assert (answer.status_code, result["moved"], result["found"]) == (200, True, 1)
    assert (result["job"]["status"], result["job"]["error"]) == ("storing", None)
    assert (result["job"]["attempts"][0]["outcome"], result["job"]["attempts"][0]["billed"]) == (
        "success",
        "yes",
    )
    assert result["job"]["attempts"][0]["provider_request_id"] == "req-7"
    assert result["answers"][0]["explanation"]["images"] == ["https://pictures.example/a.png"]

    again = (await service.post(f"/v1/jobs/{job['id']}/reread")).json()
    assert (again["moved"], "the job is storing" in again["message"]) == (False, True)


async def test_a_text_response_is_explained_and_the_job_stays_held(service: Service) -> None:
    job = await held_with(service, TEXT)
    result = (await service.post(f"/v1/jobs/{job['id']}/reread")).json()
    assert (result["moved"], result["job"]["status"]) == (False, "held")
    assert result["answers"][0]["explanation"]["outcome"] != "success"
    assert result["message"].startswith("No image was found in the archived responses. ")


async def test_a_response_that_was_not_archived_is_reported(service: Service) -> None:
    job = await held_with(service, None)
    result = (await service.post(f"/v1/jobs/{job['id']}/reread")).json()
    assert result["answers"] == [{"attempt": 1, "explanation": None, "fault": "Its answer was not kept."}]
    assert "not kept" in result["message"]


async def test_jobs_of_another_caller_are_not_reparsed(service: Service) -> None:
    job = await held_with(service, LINK)
    assert (await service.with_key(BOB).post(f"/v1/jobs/{job['id']}/reread")).status_code == 404
    assert (await service.get(f"/v1/jobs/{job['id']}")).json()["status"] == "held"


async def test_archived_responses_are_explained_and_nothing_is_changed(service: Service) -> None:
    job = await held_with(service, LINK)
    answer = (await service.get(f"/v1/jobs/{job['id']}/answers")).json()["data"]
    assert [(each["attempt"], each["fault"]) for each in answer] == [(1, None)]
    assert answer[0]["explanation"]["images"] == ["https://pictures.example/a.png"]
    assert (await service.read(job))["status"] == "held"
    assert (await service.with_key(BOB).get(f"/v1/jobs/{job['id']}/answers")).status_code == 404
