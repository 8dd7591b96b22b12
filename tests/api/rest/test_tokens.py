"""Short-lived, read-only tokens for web pages."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from models.clock import now
from models.tables import api_keys
from tests.api.service import BOB, JOB, Service


async def make_token(service: Service, **body: Any) -> str:
    answer = await service.post("/v1/tokens", json=body)
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


async def test_a_token_reads_what_its_key_reads_and_writes_nothing(service: Service) -> None:
    job, bobs = await service.submit(), await service.with_key(BOB).submit()
    token = {"token": await make_token(service)}
    page = service.with_key(None)

    read = await page.get(f"/v1/jobs/{job['id']}", params=token)
    assert (read.status_code, read.json()["id"]) == (200, job["id"])
    assert "private" in read.headers["cache-control"]
    listed = await page.get("/v1/jobs", params=token | {"status": "queued"})
    assert [each["id"] for each in listed.json()["data"]] == [job["id"]]
    assert (await page.get("/v1/models", params=token)).status_code == 200
    assert (await page.get(f"/v1/jobs/{bobs['id']}", params=token)).status_code == 404
    for path in ("/v1/jobs", f"/v1/jobs/{job['id']}/cancel", "/v1/tokens", "/v1/uploads"):
        assert (await page.post(path, params=token, json=JOB)).status_code == 401
    assert (await page.get("/v1/webhooks", params=token)).status_code == 401


async def test_a_token_ends_at_its_time(service: Service) -> None:
    answer = await service.post("/v1/tokens", json={"scope": "read", "expires_in": 10})
    ends = datetime.fromisoformat(answer.json()["expires_at"])
    assert timedelta(seconds=8) < ends - now() <= timedelta(seconds=10)
    [key_id] = await key_ids(service)
    old = await service.services.authenticator.issue_token(key_id, now() - timedelta(seconds=1))
    refused = await service.with_key(None).get("/v1/jobs", params={"token": old})
    assert (refused.status_code, "has expired" in refused.json()["detail"]) == (401, True)


async def test_a_token_is_revoked_with_its_key(service: Service) -> None:
    token = {"token": await make_token(service)}
    async with service.services.database.writing() as connection:
        [key_id] = await key_ids(service)
        await connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=now()))
    service.services.authenticator.forget()
    assert (await service.with_key(None).get("/v1/jobs", params=token)).status_code == 401


async def key_ids(service: Service) -> list[Any]:
    """Return the id of the service's key."""
    checked = await service.services.authenticator.check(service.key or "")
    assert checked.caller is not None
    return [checked.caller.key_id]


@pytest.mark.parametrize("token", ["", "dkt_", "dkt_" + "A" * 75, "nonsense", "dkt_é"])
async def test_what_is_no_token_is_refused(service: Service, token: str) -> None:
    assert (await service.with_key(None).get("/v1/jobs", params={"token": token})).status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [({"scope": "write"}, "scope"), ({"expires_in": 0}, "expires_in"), ({"expires": 9}, "expires")],
)
async def test_a_wrong_wish_is_refused_by_field(service: Service, body: dict[str, Any], field: str) -> None:
    answer = await service.post("/v1/tokens", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
