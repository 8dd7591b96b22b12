"""The review page: which items it shows, and a verdict on all that match."""

from api.cli.key_admin import create_key
from models.api_keys import Role
from tests.api.dashboard.made_campaign import make_campaign
from tests.api.dashboard.visitor import visit
from tests.api.service import ADMIN, Service


async def test_items_are_shown_by_the_filter_in_the_address(service: Service) -> None:
    path = f"/dashboard/campaigns/{await make_campaign(service)}/review"
    admin = await visit(service, ADMIN)
    for query, keys in (
        ("", ["a cat 0"]),
        ("?status=failed,held", ["a cat 2"]),
        ("?status=all", ["a cat 0", "a cat 1", "a cat 2"]),
        ("?status=all&key=a+cat+1", ["a cat 1"]),
        ("?status=approved", []),
    ):
        page = (await admin.get(path + query)).text
        shown = [key for key in ("a cat 0", "a cat 1", "a cat 2") if f'data-key="{key}"' in page]
        assert shown == keys, query
    assert (await admin.get(f"{path}?status=nothing")).status_code == 422
    items = (await service.get(f"/v1{path.removeprefix('/dashboard').removesuffix('/review')}/items")).json()
    last = (await admin.get(f"{path}?status=all&item={items['data'][2]['id']}")).text
    assert 'data-key="a cat 2"' in last
    assert 'data-key="a cat 1"' not in last, "the page begins with the item"
    assert 'id="stage"' in (await admin.get(f"{path}?view=one")).text


async def test_a_verdict_on_all_that_match_is_looked_at_first(service: Service) -> None:
    campaign = await make_campaign(service)
    admin = await visit(service, ADMIN)
    page = (await admin.get(f"/dashboard/campaigns/{campaign}/review?status=all&decide=pick")).text
    assert "has no picture to decide about" in page
    assert "&#34;expected_count&#34;: 1" in page
    body = {"filter": {}, "verdict": "pick", "expected_count": 1}
    assert (await admin.call("POST", f"/v1/campaigns/{campaign}/verdicts", json=body)).status_code == 200
    assert "Nothing waits" in (await admin.get(f"/dashboard/campaigns/{campaign}/review")).text


async def test_a_viewer_looks_and_does_not_decide(service: Service) -> None:
    campaign = await make_campaign(service)
    async with service.services.database.writing() as connection:
        made = await create_key(connection, "guest", role=Role.VIEWER)
    page = (
        await (await visit(service, made.key)).get(f"/dashboard/campaigns/{campaign}/review?decide=pick")
    ).text
    assert 'data-may="no"' in page
    assert "data-press" not in page.replace('data-press="close"', "")
    assert 'id="preview"' not in page
