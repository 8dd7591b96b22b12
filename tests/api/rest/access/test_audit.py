"""The audit log over the API: pages, filters, and who may read it."""

from api.cli.key_admin import create_key
from models.api_keys import Role
from tests.api.service import ADMIN, Service


async def test_the_log_is_read_by_pages_and_filters(service: Service) -> None:
    admin = service.with_key(ADMIN)
    jobs = [await service.submit() for _ in range(3)]
    for job in jobs:
        assert (await service.post(f"/v1/jobs/{job['id']}/cancel")).status_code == 200
    first = (await admin.get("/v1/audit?limit=2")).json()
    second = (await admin.get(f"/v1/audit?limit=2&before={first['next']}")).json()
    found = [entry["target"] for page in (first, second) for entry in page["data"]]
    assert found == [job["id"] for job in reversed(jobs)]
    assert second["next"] is None
    entry = first["data"][0]
    assert (entry["action"], entry["through"], entry["role"]) == (
        "POST /v1/jobs/{job_id}/cancel",
        "api",
        "user",
    )
    one = (await admin.get("/v1/audit", params={"target": jobs[0]["id"], "by": entry["by"]})).json()
    assert [each["target"] for each in one["data"]] == [jobs[0]["id"]]
    assert (await admin.get("/v1/audit?by=nobody")).json() == {"data": [], "next": None}


async def test_wrong_parameters_are_named(service: Service) -> None:
    for query in ("before=x", f"before={2**63}", "limit=0", "by=%00", "who=me"):
        answer = await service.with_key(ADMIN).get(f"/v1/audit?{query}")
        assert answer.status_code == 422, query
        assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


async def test_operators_and_admins_may_read_it(service: Service) -> None:
    assert (await service.get("/v1/audit")).status_code == 403
    for role, status in ((Role.REVIEWER, 403), (Role.OPERATOR, 200)):
        async with service.services.database.writing() as connection:
            made = await create_key(connection, role.value, role=role, expires_at=None)
        assert (await service.with_key(made.key).get("/v1/audit")).status_code == status
