"""The page of a new campaign: the form, a draft with its plan, and who may start it."""

from api.cli.key_admin import create_key
from models.api_keys import Role
from tests.api.dashboard.made_campaign import make_campaign
from tests.api.dashboard.visitor import visit
from tests.api.service import ADMIN, Service

PATH = "/dashboard/campaigns/new"


async def test_a_draft_is_gone_on_with_and_started_with_the_number_of_its_plan(service: Service) -> None:
    admin = await visit(service, ADMIN)
    assert 'id="making"' in (await admin.get(PATH)).text
    definition = {"name": "later", "model": "gpt-image", "template": {"prompt": "a {thing}"}}
    draft = (await admin.call("POST", "/v1/campaigns", json=definition)).json()["id"]
    empty = (await admin.get(f"{PATH}?draft={draft}")).text
    assert 'value="later" readonly' in empty
    assert f"POST /v1/campaigns/{draft}/start" not in empty, "it has no rows yet"
    files = {"sheet": ("sheet.csv", "SKU,thing\nk1,cat\nk2,\n", "text/csv")}
    mapping = {"mapping": '{"SKU": "key"}'}
    sent = await admin.call("POST", f"/v1/campaigns/{draft}/rows", files=files, params=mapping)
    assert [each["line"] for each in sent.json()["errors"]] == [3]
    planned = (await admin.get(f"{PATH}?draft={draft}")).text
    assert "a cat" in planned
    assert f"POST /v1/campaigns/{draft}/start" in planned
    assert "&#34;expected_items&#34;: 1" in planned


async def test_a_started_campaign_and_a_key_that_may_not_change_anything_get_no_form(
    service: Service,
) -> None:
    campaign = await make_campaign(service)
    admin = await visit(service, ADMIN)
    assert "was started already" in (await admin.get(f"{PATH}?draft={campaign}")).text
    async with service.services.database.writing() as connection:
        made = await create_key(connection, "guest", role=Role.REVIEWER)
    page = (await (await visit(service, made.key)).get(PATH)).text
    assert 'id="making"' not in page
    assert "--role operator" in page
