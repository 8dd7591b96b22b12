"""Saved views: the caller's own, replaced by name, in words if something is wrong."""

import pytest

from models.api_keys import Role
from models.queries.dashboard import saved_views
from tests.api.access.test_roles import as_role
from tests.api.service import BOB, Service


async def test_views_are_saved_replaced_listed_and_deleted(service: Service) -> None:
    view = {"page": "jobs", "name": "a/b 猫", "query": "status=failed"}
    assert (await service.post("/v1/views", json=view)).status_code == 200
    assert (await service.post("/v1/views", json={**view, "query": "status=held"})).json()["query"] == (
        "status=held"
    )
    [found] = (await service.get("/v1/views", params={"page": "jobs"})).json()["data"]
    assert (found["name"], found["query"]) == ("a/b 猫", "status=held")
    assert (await service.get("/v1/views", params={"page": "gallery"})).json()["data"] == []
    assert (await service.with_key(BOB).get("/v1/views")).json()["data"] == []
    viewer = await as_role(service, Role.VIEWER)
    assert (await viewer.post("/v1/views", json=view)).status_code == 200
    assert (await service.request("DELETE", "/v1/views/jobs/a%2Fb%20猫")).status_code == 204
    assert (await service.get("/v1/views")).json()["data"] == []


async def test_a_wrong_view_is_named_and_there_is_a_most(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for field, value in (("page", "x"), ("name", " "), ("query", "\0"), ("name", 1)):
        body = {"page": "jobs", "name": "a", "query": "", field: value}
        answer = await service.post("/v1/views", json=body)
        assert answer.status_code == 422, field
        assert answer.json()["errors"][0]["field"] == field
    monkeypatch.setattr(saved_views, "VIEWS_PER_PAGE", 1)
    for name, status in (("a", 200), ("a", 200), ("b", 422)):
        body = {"page": "jobs", "name": name, "query": ""}
        assert (await service.post("/v1/views", json=body)).status_code == status
