"""Sessions over the API, for admins alone."""

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


async def test_a_user_may_not(service: Service) -> None:
    assert (await service.get("/v1/sessions")).status_code == 403
