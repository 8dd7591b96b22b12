"""The list of jobs: chosen columns, saved views, and conditions that the filter's form does not have."""

import html
import json
import re

from api.dashboard.pages.jobs import COLUMNS, chosen_columns
from tests.api.dashboard.visitor import visit
from tests.api.service import ADMIN, Service


def test_columns_are_those_of_the_cookie_in_their_own_order() -> None:
    assert chosen_columns("created.id.nothing", sees_all=True) == ["id", "created"]
    assert chosen_columns("none", sees_all=True) == []
    assert "caller" not in chosen_columns(".".join(COLUMNS), sees_all=False)
    assert "caller" in chosen_columns("", sees_all=True)


async def test_a_filter_becomes_a_view_that_only_its_caller_has(service: Service) -> None:
    visitor, other = await visit(service), await visit(service, ADMIN)
    page = (await visitor.get("/dashboard/jobs?status=failed&created_after=2026-01-01T00:00:00Z")).text
    assert 'name="created_after" value="2026-01-01T00:00:00Z"' in page
    body = re.search(r'data-call="POST /v1/views" data-body="([^"]+)"', page)
    assert body is not None
    given = {**json.loads(html.unescape(body[1])), "name": "failed <this> year"}
    assert (await visitor.call("POST", "/v1/views", json=given)).status_code == 200
    shown = (await visitor.get("/dashboard/jobs")).text
    assert "failed &lt;this&gt; year" in shown
    assert "failed &lt;this&gt; year" not in (await other.get("/dashboard/jobs")).text
    there = (await visitor.get(f"/dashboard/jobs?{given['query']}")).text
    forget = re.search(r'data-call="DELETE (/v1/views/[^"]+)"', there)
    assert forget is not None
    assert (await visitor.call("DELETE", forget[1])).status_code == 204
    assert (await visitor.call("DELETE", forget[1])).status_code == 404


async def test_a_browser_has_its_own_columns(service: Service) -> None:
    job = await service.submit(campaign="spring", tags=["night"])
    visitor = await visit(service)
    visitor.cookies["darkroom-columns"] = "campaign.tags"
    page = (await visitor.get("/dashboard/jobs")).text
    assert job["id"] in page
    headings = re.findall(r"<th[^>]*>([^<]+)</th>", page)
    assert headings == ["State", "Prompt", "Campaign", "Tags"]
