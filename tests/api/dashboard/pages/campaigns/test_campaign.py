"""The page of one campaign: what it shows, what it lets press, and what a repair would do."""

import pytest

from api.cli.key_admin import create_key
from models.api_keys import Role
from tests.api.dashboard.made_campaign import make_campaign
from tests.api.dashboard.visitor import Visitor, visit
from tests.api.rest.campaigns.made import control
from tests.api.service import ADMIN, Service


@pytest.fixture
async def admin(service: Service) -> Visitor:
    return await visit(service, ADMIN)


@pytest.fixture
async def path(service: Service) -> str:
    return f"/campaigns/{await make_campaign(service)}"


async def test_failures_can_be_retried_by_group_after_a_preview(
    service: Service, admin: Visitor, path: str
) -> None:
    page = (await admin.get(f"/dashboard{path}")).text
    assert "act=retry&amp;error=moderation&amp;model=gpt-image" in page
    assert 'id="preview"' not in page
    preview = (await admin.get(f"/dashboard{path}?act=retry&error=moderation&model=gpt-image")).text
    assert "item gets a further take" in preview
    assert "a a cat 2 cat" in preview, "a sample of what is asked for"
    assert f"POST /v1{path}/retry" in preview
    assert "&#34;expected_count&#34;: 1" in preview
    body = {"mode": "missing_and_failed", "filter": {"error": ["moderation"]}, "expected_count": 1}
    begun = await admin.call("POST", f"/v1{path}/retry", json=body)
    assert begun.status_code == 202, begun.text
    running = (await admin.get(f"/dashboard{path}")).text
    assert f"POST /v1/actions/{begun.json()['id']}/abort" in running
    await control(service)
    assert "/abort" not in (await admin.get(f"/dashboard{path}")).text


async def test_a_preview_says_what_is_left_and_why_and_what_can_not_be_done(
    admin: Visitor, path: str
) -> None:
    preview = (await admin.get(f"/dashboard{path}?act=retry&mode=all")).text
    assert "under way; its take ends first" in preview
    reroll = await admin.get(f"/dashboard{path}?act=reroll&prompt=%7Bprompt%7D,+at+night")
    assert "a a cat 0 cat, at night" in reroll.text
    for wrong in ("act=reroll&prompt=%7Bnothing%7D", "act=retry&status=nothing"):
        answer = await admin.get(f"/dashboard{path}?{wrong}")
        assert answer.status_code == 200
        assert "nothing" in answer.text
        assert "Begin with" not in answer.text
    await admin.call("POST", f"/v1{path}/cancel")
    cancelled = (await admin.get(f"/dashboard{path}?act=retry")).text
    assert "no further call is made for it" in cancelled


async def test_models_are_compared_by_all_takes_or_by_items_with_a_picture_of_each(
    service: Service, admin: Visitor, path: str
) -> None:
    made = (await service.get(f"/v1{path}/items")).json()["data"][0]
    body = {"items": [made["id"]], "model": "gpt-image-2", "expected_count": 1}
    assert (await admin.call("POST", f"/v1{path}/reroll", json=body)).status_code == 202
    await control(service)
    [again] = (await service.get(f"/v1{path}/items?key={made['key']}")).json()["data"]
    await service.finish({"id": again["job"]}, b"by the other model")
    await admin.call("POST", f"/v1{path}/verdicts", json={"items": [made["id"]], "verdict": "pick"})
    for query, takes in (("", 3), ("?same=yes", 1)):
        page = (await admin.get(f"/dashboard{path}{query}")).text
        assert "Items that have a picture of each" in page
        models = page[page.index('id="models"') :]
        row = models[models.index(">gpt-image</a>") :]
        assert f'data-label="Takes">{takes}</td>' in row[:200], query


async def test_what_a_pause_needs_is_said_beside_its_button(admin: Visitor, path: str) -> None:
    await admin.call("POST", f"/v1{path}/pause", json={"reason": "the light is wrong"})
    page = (await admin.get(f"/dashboard{path}")).text
    assert "the light is wrong" in page
    assert f"POST /v1{path}/resume" in page
    assert f"POST /v1{path}/pause" not in page


async def test_a_reviewer_may_re_roll_and_not_retry(service: Service, path: str) -> None:
    async with service.services.database.writing() as connection:
        made = await create_key(connection, "eyes", role=Role.REVIEWER)
    eyes = await visit(service, made.key)
    page = (await eyes.get(f"/dashboard{path}")).text
    assert "act=reroll" in page
    assert "act=retry" not in page
    assert 'id="preview"' not in (await eyes.get(f"/dashboard{path}?act=retry")).text
    assert f"POST /v1{path}/reroll" in (await eyes.get(f"/dashboard{path}?act=reroll")).text


async def test_a_draft_shows_its_plan_and_a_plain_campaign_its_jobs(service: Service, admin: Visitor) -> None:
    draft = await service.post(
        "/v1/campaigns", json={"name": "later", "model": "gpt-image", "template": {"prompt": "a {thing}"}}
    )
    here = f"/v1/campaigns/{draft.json()['id']}"
    await service.post(f"{here}/rows", content="key,thing\nk1,cat\n", headers={"Content-Type": "text/csv"})
    change = {
        "start_at": "2098-12-31T10:00:00Z",
        "deadline": "2099-01-01T00:00:00Z",
        "gate": {"model": "gpt-image", "rules": ["Is it a cat?", "Is it alone?"], "params": {"seed": 1}},
    }
    assert (await admin.call("PATCH", here, json=change)).status_code == 200
    page = (await admin.get(f"/dashboard/campaigns/{draft.json()['id']}")).text
    assert "Sampled prompts" in page
    assert "a cat" in page
    assert 'data-members="limits budget canary windows gate start_at deadline"' in page
    assert 'name="deadline" id="change-deadline" data-moment data-at="2099-01-01T00:00:00' in page
    assert "data-lines>Is it a cat?\nIs it alone?</textarea>" in page
    assert 'name="gate.params" value="{&#34;seed&#34;: 1}" data-json' in page, (
        "what has no field of its own stays"
    )
    wrong = {"gate": {**change["gate"], "rules": [" "]}, "deadline": "2026-01-01"}
    refused = (await admin.call("PATCH", here, json=wrong)).json()
    assert {each["field"] for each in refused["errors"]} == {"gate.rules.0", "deadline"}
    await service.submit(campaign="plain")
    await service.request("PATCH", "/v1/campaigns/plain", json={"retry": {"no_image": {"attempts": 2}}})
    assert "only groups jobs" in (await admin.get("/dashboard/campaigns/plain")).text


async def test_limits_budget_and_windows_are_changed_by_the_call_that_the_page_shows(
    admin: Visitor, path: str
) -> None:
    page = (await admin.get(f"/dashboard{path}")).text
    assert f'data-call="PATCH /v1{path}" data-body="{{}}" data-done="Changed." data-fields="true"' in page
    assert f"<code>PATCH /v1{path}</code>" in page
    assert 'data-members="limits budget windows gate"' in page, "its canary is over"
    assert [page.count(f'name="windows.{number}.from"') for number in range(4)] == [1, 1, 1, 0], "a blank one"
    change = {
        "limits": {"rpm": 30},
        "budget": {"amount": "20", "currency": "USD"},
        "windows": [{"from": "22:00", "to": "06:00", "zone": "Europe/Berlin", "days": ["sat"]}],
    }
    assert (await admin.call("PATCH", f"/v1{path}", json=change)).status_code == 200
    page = (await admin.get(f"/dashboard{path}")).text
    assert 'value="Europe/Berlin"' in page
    assert 'id="change-sat-0" value="sat" checked' in page
    assert "→ [{" in page.split("Who changed it")[1], "before and after"
    wrong = {
        **change,
        "windows": [*change["windows"], {"from": "24:00", "to": "06:00"}],
        "budget": {"amount": "x"},
    }
    refused = await admin.call("PATCH", f"/v1{path}", json=wrong)
    fields = {each["field"] for each in refused.json()["errors"]}
    assert {"budget.amount", "budget.currency", "windows.1.from"} <= fields, "each error has its field"


async def test_what_follows_a_canary_can_be_changed_until_it_has_ended_its_size_can_not(
    service: Service, admin: Visitor
) -> None:
    definition = {"name": "careful", "model": "gpt-image", "template": {"prompt": "a cat"}}
    made = await service.post("/v1/campaigns", json={**definition, "canary": {"items": 2}})
    path = f"/v1/campaigns/{made.json()['id']}"
    sheet = b'{"key": "a"}\n{"key": "b"}\n{"key": "c"}'
    await service.post(f"{path}/rows", content=sheet, headers={"Content-Type": "application/jsonl"})
    await service.post(f"{path}/start", json={"expected_items": 3})
    await control(service)
    page = (await admin.get(path.replace("/v1", "/dashboard"))).text
    assert 'data-members="limits budget canary windows gate"' in page
    assert 'name="canary.items" id="change-items" min="1" value="2" readonly' in page
    changed = await admin.call("PATCH", path, json={"canary": {"items": 2, "then": "auto"}})
    assert changed.json()["canary"] == {"items": 2, "then": "auto"}
    for wrong in ({"items": 3, "then": "auto"}, None):
        assert (await admin.call("PATCH", path, json={"canary": wrong})).status_code == 409


async def test_a_pause_says_who_why_and_until_when(admin: Visitor, path: str) -> None:
    body = {"reason": "lunch", "duration": 3600}
    paused = (await admin.call("POST", f"/v1{path}/pause", json=body)).json()["paused"]
    assert paused["until"] > paused["at"]
    page = (await admin.get(f"/dashboard{path}")).text
    for shown in ("Paused: lunch", "goes on by itself", paused["until"][:16], "by from the settings"):
        assert shown in page, shown
    assert (await admin.call("POST", f"/v1{path}/pause", json={"duration": 0})).status_code == 422
