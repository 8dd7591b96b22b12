"""What each role may do, through the API as through pages."""

import pytest

from api.access.roles import least_role, may_change
from api.cli.key_admin import create_key
from models.api_keys import Role
from tests.api.service import JOB, Service


async def as_role(service: Service, role: Role) -> Service:
    """Return the API, called with a key of a role."""
    async with service.services.database.writing() as connection:
        return service.with_key((await create_key(connection, f"a {role}", role=role)).key)


@pytest.mark.parametrize(
    ("method", "route", "least"),
    [
        ("GET", "/v1/jobs", Role.VIEWER),
        ("POST", "/v1/tokens", Role.VIEWER),
        ("POST", "/v1/campaigns/{name}/verdicts", Role.REVIEWER),
        ("POST", "/v1/campaigns/{name}/reroll", Role.REVIEWER),
        ("POST", "/v1/jobs", Role.OPERATOR),
        ("DELETE", "/v1/campaigns/{name}", Role.OPERATOR),
        ("POST", "/a/route/that/nobody/has/listed", Role.OPERATOR),
    ],
)
def test_a_route_has_a_least_role(method: str, route: str, least: Role) -> None:
    assert least_role(method, route) is least


def test_roles_include_those_below() -> None:
    assert Role.ADMIN.reaches(Role.VIEWER)
    assert Role.OPERATOR.reaches(Role.REVIEWER)
    assert not Role.REVIEWER.reaches(Role.OPERATOR)
    assert not Role.USER.reaches(Role.VIEWER)
    assert [role for role in Role if may_change(role)] == [Role.USER, Role.OPERATOR, Role.ADMIN]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.REVIEWER])
async def test_a_role_that_changes_nothing_is_refused_in_words(service: Service, role: Role) -> None:
    job = await service.submit()
    low = await as_role(service, role)
    assert (await low.get(f"/v1/jobs/{job['id']}")).status_code == 200
    assert (await low.get("/v1/channels")).status_code == 200
    for path, body in (
        ("/v1/jobs", JOB),
        (f"/v1/jobs/{job['id']}/cancel", None),
        ("/v1/jobs/cancel", {"filter": {}}),
        ("/v1/channels/here/pause", {}),
        ("/v1/webhooks", {"url": "https://a.example"}),
    ):
        answer = await low.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
        assert "--role operator" in answer.json()["detail"]
    imagine = await low.post("/mj/submit/imagine", json={"prompt": "a cat"})
    assert imagine.status_code == 403
    assert (await service.read(job))["status"] == "queued"


async def test_an_operator_decides_the_jobs_of_all(service: Service) -> None:
    job = await service.submit()
    operator = await as_role(service, Role.OPERATOR)
    assert (await operator.post(f"/v1/jobs/{job['id']}/cancel")).status_code == 200
