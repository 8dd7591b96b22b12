"""Calls of the API from pages: the API's own routes, with a session in place of a key."""

import pytest

from models.queries.dashboard.audit import list_entries
from tests.api.dashboard.visitor import Visitor, visit
from tests.api.service import ADMIN, ALICE, JOB, Service


@pytest.fixture
async def admin(service: Service) -> Visitor:
    return await visit(service, ADMIN)


async def test_a_button_does_what_its_call_of_the_api_does(service: Service, admin: Visitor) -> None:
    job = await service.submit()
    answer = await admin.call("POST", f"/v1/jobs/{job['id']}/cancel")
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert (await service.read(job))["status"] == "cancelled"
    again = await admin.call("POST", f"/v1/jobs/{job['id']}/cancel")
    assert again.status_code == 409 or again.json()["status"] == "cancelled"


async def test_a_change_is_logged_with_who_made_it_and_how(service: Service, admin: Visitor) -> None:
    job = await service.submit()
    await admin.call("POST", f"/v1/jobs/{job['id']}/cancel")
    async with service.services.database.reading() as connection:
        [entry] = await list_entries(connection, limit=5, target=job["id"])
    assert (entry.action, entry.through) == ("POST /v1/jobs/{job_id}/cancel", "dashboard")
    assert (entry.role, entry.count) == ("admin", 1)
    assert (entry.before, entry.after) == ({"status": "queued"}, {"status": "cancelled"})


async def test_a_job_is_submitted_as_the_caller_of_the_session(service: Service) -> None:
    alice = await visit(service, ALICE)
    answer = await alice.call("POST", "/v1/jobs", json=JOB)
    assert answer.status_code == 202
    assert (await service.get("/v1/jobs")).json()["data"][0]["id"] == answer.json()["id"]


async def test_a_call_without_the_pages_token_is_refused(service: Service, admin: Visitor) -> None:
    job = await service.submit()
    for headers in ({"X-Darkroom-Token": ""}, {"X-Darkroom-Token": "x"}, {"Origin": "https://evil.example"}):
        answer = await admin.call("POST", f"/v1/jobs/{job['id']}/cancel", headers=headers)
        assert answer.status_code == 403, headers
    assert (await service.read(job))["status"] == "queued"


async def test_a_call_without_a_session_is_refused(service: Service) -> None:
    job = await service.submit()
    answer = await Visitor(service, {"darkroom": "x"}).get(f"/dashboard/api/v1/jobs/{job['id']}")
    assert answer.status_code == 401
    keyed = await service.get(f"/dashboard/api/v1/jobs/{job['id']}")
    assert keyed.status_code == 401, "a key is for the API, a session for the dashboard"


async def test_a_session_opens_nothing_outside_of_the_dashboard(service: Service, admin: Visitor) -> None:
    for path in ("/v1/jobs", "/v1/channels", "/mj/task/list"):
        assert (await admin.get(path)).status_code == 401


async def test_nothing_but_the_native_api_is_called(service: Service, admin: Visitor) -> None:
    for path in ("/mj/task/list", "/metrics", "/dashboard", "/v1/../metrics", "/"):
        assert (await admin.get(f"/dashboard/api{path}")).status_code == 404, path


async def test_an_answer_runs_nothing_in_the_browser(service: Service, admin: Visitor) -> None:
    job = await service.submit(prompt="<script>alert(1)</script>")
    answer = await admin.get(f"/dashboard/api/v1/jobs/{job['id']}")
    assert answer.status_code == 200
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"] == "application/json"


async def test_an_unknown_job_is_the_apis_own_404(admin: Visitor) -> None:
    answer = await admin.get("/dashboard/api/v1/jobs/job_01h455vb4pex5vsknk084sn02q")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
