"""Health: what `darkroom doctor` finds is shown there and by the API, problems first."""

from collections.abc import Callable

from api.cli.doctor.command import shared_findings
from api.cli.doctor.findings import fault, fine
from api.dashboard.pages import PAGES
from api.shared_result import SharedResult
from models.ids import new_id
from models.queries.workers import write_heartbeat
from models.settings import Settings
from tests.api.conftest import started
from tests.api.dashboard.visitor import visit
from tests.api.service import ADMIN, Service


async def test_problems_come_first_with_their_fix(service: Service) -> None:
    async def examine() -> list[object]:
        return [fine("database", "It works."), fault("storage", "It is <full>.", "Delete something.")]

    service.app.state.findings = SharedResult(examine, fresh=60)
    page = (await (await visit(service, ADMIN)).get("/dashboard/health")).text
    assert page.index("It is &lt;full&gt;.") < page.index("Delete something.") < page.index("It works.")
    found = (await service.with_key(ADMIN).get("/v1/findings")).json()["data"]
    assert [each["ok"] for each in found] == [True, False]
    assert (await service.get("/v1/findings")).status_code == 403


async def test_the_checks_run_beside_a_running_api(service: Service) -> None:
    service.app.state.findings = shared_findings(service.services.settings)
    found = (await service.with_key(ADMIN).get("/v1/findings")).json()["data"]
    assert {"database", "storage", "channels"} <= {each["check"] for each in found}


async def test_without_a_broker_every_page_and_button_works_and_health_is_degraded(
    make_settings: Callable[..., Settings],
) -> None:
    async with started(make_settings(broker_url="redis://127.0.0.1:1/0")) as service:
        at = service.services.clock()
        worker = {"id": new_id(), "name": "one", "version": "1", "slots": 1, "started_at": at}
        async with service.services.database.writing() as connection:
            await write_heartbeat(connection, worker | {"broker_error": "it is <away>"}, at)
        admin, job = await visit(service, ADMIN), await service.submit()
        for page in PAGES:
            if "{" not in page.path:
                assert (await admin.get(page.path)).status_code == 200, page.name
        assert "The broker carries no messages: it is &lt;away&gt;" in (await admin.get("/dashboard")).text
        assert (await admin.call("POST", f"/v1/jobs/{job['id']}/cancel")).json()["status"] == "cancelled"
        ready = await service.get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert ready.json()["checks"] == {"database": "ok", "storage": "ok", "broker": "it is <away>"}
