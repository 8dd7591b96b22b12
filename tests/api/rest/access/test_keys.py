"""Keys over the API, for admins alone: a secret is in one response, and nowhere else."""

from typing import Any

import pytest

from models.api_keys import FROM_SETTINGS, Role
from models.ids import public_id
from models.queries.api_keys import list_keys
from models.queries.dashboard.audit import list_entries
from tests.api.access.test_roles import as_role
from tests.api.dashboard.visitor import visit
from tests.api.service import ADMIN, Service


async def create(admin: Service, **body: Any) -> dict[str, Any]:
    answer = await admin.post("/v1/keys", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_key_is_created_used_rotated_and_revoked(service: Service) -> None:
    admin = service.with_key(ADMIN)
    made = await create(admin, name="shop", role="viewer", expires_at="2099-01-01T00:00:00Z")
    shop = service.with_key(made["key"])
    assert (await shop.get("/v1/channels")).status_code == 200
    further = await create(admin, name="shop 2", caller="shop")
    assert (await service.with_key(further["key"]).submit(prompt="a cat"))["id"]

    rotated = (await admin.post(f"/v1/keys/{made['id']}/rotate", json={"overlap_hours": 0})).json()
    assert (rotated["name"], rotated["role"]) == ("shop", "viewer")
    assert rotated["expires_at"] is not None
    assert (await shop.get("/v1/jobs")).status_code == 401
    new = service.with_key(rotated["key"])
    assert (await new.get("/v1/jobs")).status_code == 200
    assert (await admin.post(f"/v1/keys/{made['id']}/rotate")).status_code == 409, "it is revoked"
    assert (await admin.post(f"/v1/keys/{rotated['id']}/revoke")).status_code == 200
    assert (await new.get("/v1/jobs")).status_code == 401

    listed = (await admin.get("/v1/keys")).text
    page = (await (await visit(service, ADMIN)).get("/dashboard/keys")).text
    async with service.services.database.reading() as connection:
        entries = await list_entries(connection, limit=20)
    logged = " ".join(str(each._mapping) for each in entries)
    for secret in (made["key"], further["key"], rotated["key"]):
        assert secret not in listed + page + logged
    actions = [(entry.action, (entry.after or {}).get("role")) for entry in entries]
    assert ("POST /v1/keys", "viewer") in actions
    assert ("POST /v1/keys/{key_id}/rotate", "viewer") in actions


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "alice", "role": "admin"}, 201),
        ({"name": " "}, 422),
        ({"name": FROM_SETTINGS}, 422),
        ({"name": "a", "role": "king"}, 422),
        ({"name": "a", "caller": "nobody"}, 422),
        ({"name": "a", "expires_at": "2001-01-01T00:00:00Z"}, 422),
    ],
)
async def test_wrong_keys_are_named(service: Service, body: dict[str, Any], status: int) -> None:
    admin = service.with_key(ADMIN)
    assert (await admin.post("/v1/keys", json=body)).status_code == status
    if status == 201:
        assert (await admin.post("/v1/keys", json=body)).status_code == 409, "the name is taken"


async def test_only_admins_touch_keys(service: Service) -> None:
    operator, admin = await as_role(service, Role.OPERATOR), service.with_key(ADMIN)
    async with service.services.database.reading() as connection:
        keys = await list_keys(connection)
    [key] = [each for each in keys if each.name != FROM_SETTINGS]
    [own, *_] = [each for each in keys if each.name == FROM_SETTINGS]
    for each in (operator, service):
        assert (await each.get("/v1/keys")).status_code == 403
        assert (await each.post("/v1/keys", json={"name": "x"})).status_code == 403
        assert (await each.post(f"/v1/keys/{public_id('key', key.id)}/revoke")).status_code == 403
    assert (await admin.post(f"/v1/keys/{public_id('key', own.id)}/rotate")).status_code == 409
    unknown = "key_01h455vb4pex5vsknk084sn02q"
    for verb in ("rotate", "revoke"):
        assert (await admin.post(f"/v1/keys/{unknown}/{verb}")).status_code == 404
