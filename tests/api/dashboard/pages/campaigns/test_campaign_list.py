"""The list of campaigns."""

from tests.api.dashboard.made_campaign import make_campaign
from tests.api.dashboard.visitor import visit
from tests.api.service import ADMIN, ALICE, BOB, Service


async def test_a_campaign_is_listed_with_progress_and_pictures_by_what_it_needs(service: Service) -> None:
    campaign = await make_campaign(service, "a fox")
    draft = await service.post("/v1/campaigns", json={"name": "later", "template": {"prompt": "a {x}"}})
    admin = await visit(service, ADMIN)
    page = (await admin.get("/dashboard/campaigns")).text
    assert page.index("later") < page.index("a fox planned"), "the newest is first"
    assert "<strong>1</strong> of 3 made" in page
    assert page.count('<img src="/assets/token-') == 1
    running = (await admin.get("/dashboard/campaigns?view=running")).text
    assert "a fox planned" in running
    assert "later" not in running
    older = (await admin.get(f"/dashboard/campaigns?before={draft.json()['id']}")).text
    assert f"/dashboard/campaigns/{campaign}" in older
    assert (await admin.get("/dashboard/campaigns?before=x")).status_code == 422


async def test_people_see_their_own_campaigns_and_viewers_those_of_all(service: Service) -> None:
    await make_campaign(service, "a fox")
    assert "a fox" in (await (await visit(service, ALICE)).get("/dashboard/campaigns")).text
    assert "There is no campaign yet" in (await (await visit(service, BOB)).get("/dashboard/campaigns")).text
