"""Groups of errors over the API: listed, resolved, ignored, reopened, by whom that is allowed."""

from models.clock import now
from models.ids import new_id
from models.outcomes import CallResult, Outcome
from models.queries.attempts import AttemptRecord, NewAttempt, finish_attempts, insert_attempts
from models.queries.dashboard.audit import list_entries
from tests.api.dashboard.visitor import add_channel
from tests.api.service import ADMIN, Service, key_of


async def failed(service: Service) -> str:
    """Add a failed call and return its fingerprint."""
    await add_channel(service)
    job = await service.submit()
    result = CallResult(Outcome.PERMANENT, code="upstream", message="no account 17")
    async with service.services.database.writing() as connection:
        new = NewAttempt(
            job_id=key_of(job), number=1, generation=1, channel="here", worker_id=new_id(), sent_at=now()
        )
        await insert_attempts(connection, [new])
        record = AttemptRecord.of(key_of(job), 1, result, finished_at=now(), http_status=500)
        await finish_attempts(connection, [record])
    [group] = (await service.get("/v1/errors")).json()["data"]
    assert (group["code"], group["counts"]["24h"], group["state"]) == ("upstream", 1, "open")
    assert group["samples"] == [job["id"]]
    return str(group["fingerprint"])


async def test_a_group_is_resolved_ignored_and_reopened(service: Service) -> None:
    fingerprint, admin = await failed(service), service.with_key(ADMIN)
    for verb, state in (("resolve", "resolved"), ("ignore", "ignored"), ("reopen", "open")):
        answer = await admin.post(f"/v1/errors/{fingerprint}/{verb}")
        assert (answer.status_code, answer.json()["state"]) == (200, state)
    async with service.services.database.reading() as connection:
        entries = await list_entries(connection, limit=9, target=fingerprint)
    assert [entry.after["state"] for entry in entries] == ["open", "ignored", "resolved"]


async def test_a_user_sees_its_own_errors_and_decides_none(service: Service) -> None:
    fingerprint = await failed(service)
    assert (await service.post(f"/v1/errors/{fingerprint}/ignore")).status_code == 403
    unknown = await service.with_key(ADMIN).post("/v1/errors/0000/ignore")
    assert unknown.status_code == 404
