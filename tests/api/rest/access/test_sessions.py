"""Sessions and keys over the API, for admins alone."""

from models.api_keys import FROM_SETTINGS, Role
from models.ids import public_id
from models.queries.api_keys import list_keys
from tests.api.access.test_roles import as_role
from tests.api.dashboard.visitor import visit
from tests.api.service import ADMIN, Service


async def test_an_admin_ends_a_session(service: Service) -> None:
    visitor, admin = await visit(service, ADMIN), service.with_key(ADMIN)
    [session] = (await admin.get("/v1/sessions")).json()["data"]
    assert session["role"] == "admin"
    assert (await admin.post(f"/v1/sessions/{session['id']}/end")).status_code == 200
    assert (await visitor.get("/dashboard")).status_code == 303
    assert (await admin.post(f"/v1/sessions/{session['id']}/end")).status_code == 404
    assert (await admin.get("/v1/sessions")).json()["data"] == []


async def test_an_admin_revokes_a_key(service: Service) -> None:
    other, admin = await as_role(service, Role.OPERATOR), service.with_key(ADMIN)
    assert (await other.get("/v1/jobs")).status_code == 200
    async with service.services.database.reading() as connection:
        [key] = [each for each in await list_keys(connection) if each.name != FROM_SETTINGS]
    assert (await other.post(f"/v1/keys/{public_id('key', key.id)}/revoke")).status_code == 403
    assert (await other.get("/v1/sessions")).status_code == 403
    assert (await admin.post(f"/v1/keys/{public_id('key', key.id)}/revoke")).status_code == 200
    assert (await other.get("/v1/jobs")).status_code == 401


async def test_a_user_may_do_neither(service: Service) -> None:
    assert (await service.get("/v1/sessions")).status_code == 403
    unknown = await service.with_key(ADMIN).post("/v1/keys/key_01h455vb4pex5vsknk084sn02q/revoke")
    assert unknown.status_code == 404
