"""Notices over HTTP, for administrators."""

from models.operations.alerts import AlertName, FiringAlert
from models.queries.operations.notices import begin_notice
from tests.api.service import ADMIN, Service

ALERT = FiringAlert(AlertName.CHANNEL_NEEDS_HUMAN, "one", "The channel one is stopped.")


async def test_notices_are_listed_and_acknowledged_by_administrators_alone(service: Service) -> None:
    async with service.services.database.writing() as connection:
        await begin_notice(connection, ALERT, service.services.clock())
    assert (await service.get("/v1/notices")).status_code == 403
    admin = service.with_key(ADMIN)
    (notice,) = (await admin.get("/v1/notices")).json()["data"]
    assert (notice["alert"], notice["inspect"]) == ("channel_needs_human", "darkroom channels show one")
    path = f"/v1/notices/{notice['id']}/acknowledge"
    assert (await service.post(path)).status_code == 403
    assert (await admin.post(path)).json()["acknowledged_at"] is not None
    assert (await admin.get("/v1/notices?ended=perhaps")).status_code == 422
    assert (await admin.post("/v1/notices/notice_none/acknowledge")).status_code == 404


async def test_only_an_administrator_subscribes_to_alerts(service: Service) -> None:
    hook = {"url": "https://ops.example/hook", "events": ["alert.*"]}
    refused = await service.post("/v1/webhooks", json=hook)
    assert (refused.status_code, "admin's key" in refused.json()["detail"]) == (403, True)
    made = await service.with_key(ADMIN).post("/v1/webhooks", json=hook)
    assert (made.status_code, made.json()["events"]) == (201, ["alert.*"])
    own = await service.post("/v1/webhooks", json=hook | {"events": ["job.failed"]})
    changed = await service.request("PATCH", f"/v1/webhooks/{own.json()['id']}", json={"events": ["alert.*"]})
    assert changed.status_code == 403
