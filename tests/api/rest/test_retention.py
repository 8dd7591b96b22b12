"""When what belongs to a job is deleted, and that it is kept, by the API."""

from typing import Any

from sqlalchemy import select, update

from models.queries.dashboard.audit import list_entries
from models.tables import callers, jobs
from tests.api.service import ADMIN, BOB, Service, key_of

AS_BOB = {"Authorization": f"Bearer {BOB}"}


async def of_kind(service: Service, path: str, kind: str) -> dict[str, Any]:
    kinds = (await service.get(path)).json()["kinds"]
    return next(each for each in kinds if each["kind"] == kind)


async def test_a_job_says_when_it_is_deleted_and_is_kept_with_an_entry(service: Service) -> None:
    job = await service.submit()
    path = f"/v1/jobs/{job['id']}/retention"
    async with service.services.database.writing() as connection:
        owner = callers.c.id == select(jobs.c.caller_id).where(jobs.c.id == key_of(job)).scalar_subquery()
        await connection.execute(update(callers).where(owner).values(retention={"jobs": 86_400}))
    picture = await of_kind(service, path, "pictures")
    assert picture == {
        "kind": "pictures",
        "seconds": 86_400,
        "deleted_with": "jobs",
        "rule": "caller",
        "due_at": None,
    }
    await service.finish(job, b"png")
    due = (await of_kind(service, path, "jobs"))["due_at"]
    assert due > (await service.read(job))["finished_at"]

    kept = await service.request("PUT", path, json={"keep": True})
    assert (kept.status_code, kept.json()["keep"]) == (200, True)
    assert {each["rule"] for each in kept.json()["kinds"]} == {"job"}
    async with service.services.database.reading() as connection:
        (entry,) = await list_entries(connection, limit=5, target=job["id"])
    assert (entry.before, entry.after, entry.count) == ({"keep": False}, {"keep": True}, 1)
    assert (await service.request("PUT", path, json={"keep": False})).json()["keep"] is False
    assert (await of_kind(service, path, "jobs"))["due_at"] == due


async def test_others_and_wrong_bodies_are_refused(service: Service) -> None:
    job = await service.submit()
    path = f"/v1/jobs/{job['id']}/retention"
    for body in ({"keep": "yes"}, {}, {"keep": True, "days": 3}):
        refused = await service.request("PUT", path, json=body)
        assert refused.status_code == 422, body
    for method in ("GET", "PUT"):
        stranger = await service.request(method, path, json={"keep": True}, headers=AS_BOB)
        assert stranger.status_code == 404
    assert (await service.get(path, headers={"Authorization": f"Bearer {ADMIN}"})).json()["keep"] is False
