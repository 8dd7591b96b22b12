"""Health: what `darkroom doctor` finds is shown there and by the API, problems first."""

from api.cli.doctor.command import shared_findings
from api.cli.doctor.findings import fault, fine
from api.shared_result import SharedResult
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
