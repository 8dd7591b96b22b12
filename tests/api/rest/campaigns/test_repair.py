"""Retry and re-roll over HTTP: dry runs, expected counts, and what is skipped for which reason."""

from typing import Any

import pytest

from models.channels import ChannelSettings
from models.clock import now
from models.queries.channels import mark_configured, sync_channels
from models.queries.dashboard.audit import list_entries
from models.states import JobStatus
from tests.api.rest.campaigns.conftest import SPRING, Create
from tests.api.rest.campaigns.made import control, end, listed, start
from tests.api.service import BOB, Service


@pytest.fixture
async def items(create: Create, service: Service) -> list[dict[str, Any]]:
    """Five items: two made, one failed, one held, one waiting."""
    await create(failing={"enabled": False})
    found = await start(service, 5)
    for item, status in zip(found, ("succeeded", "succeeded", "failed", "held"), strict=False):
        await end(service, item, JobStatus(status))
    return found


async def retry(service: Service, **body: Any) -> dict[str, Any]:
    answer = await service.post(f"{SPRING}/retry", json=body)
    assert answer.status_code in (200, 202), answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.usefixtures("items")
async def test_a_dry_run_says_how_many_and_why_the_others_are_skipped(service: Service) -> None:
    tried = await retry(service, mode="missing_and_failed", dry_run=True)
    assert (tried["id"], tried["status"], tried["eligible"], tried["may_pay_twice"]) == (
        None,
        "dry_run",
        1,
        0,
    )
    assert {each["reason"]: each["count"] for each in tried["skipped"]} == {
        "already_paid": 2,
        "may_be_paid": 1,
        "open": 1,
    }
    assert all(each["message"] and len(each["samples"]) == each["count"] for each in tried["skipped"])
    assert [(each["key"], each["prompt"]) for each in tried["samples"]] == [("k2", "a colour 2 cat")]
    assert tried["cost"]["source"] == "unknown"
    assert [item["takes"] for item in await listed(service)] == [1] * 5


@pytest.mark.usefixtures("items")
@pytest.mark.parametrize(("mode", "count"), [("missing", 0), ("missing_and_failed", 1), ("all", 3)])
async def test_each_mode_has_its_items(service: Service, mode: str, count: int) -> None:
    assert (await retry(service, mode=mode, dry_run=True))["eligible"] == count


@pytest.mark.usefixtures("items")
async def test_a_real_run_needs_the_count_of_the_dry_run(service: Service) -> None:
    answer = await service.post(f"{SPRING}/retry", json={"mode": "all"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "expected_count")
    answer = await service.post(f"{SPRING}/retry", json={"mode": "all", "expected_count": 2})
    found = answer.json()
    assert (answer.status_code, found["code"]) == (409, "count_differs")
    assert (found["expected_count"], found["eligible"]) == (2, 3)
    assert (await service.get("/v1/actions")).json()["data"] == []


@pytest.mark.usefixtures("items")
async def test_a_retry_is_an_action_that_workers_finish(service: Service) -> None:
    begun = await retry(service, mode="missing_and_failed", expected_count=1, filter={"key": "k2"})
    assert (begun["status"], begun["pending"], begun["by"] != "") == ("running", 1, True)
    await control(service)
    found = (await service.get(f"/v1/actions/{begun['id']}")).json()
    assert (found["status"], found["done"], found["pending"]) == ("finished", 1, 0)
    assert found["filter"] == {"key": ["k2"]}
    item = (await service.get(f"{SPRING}/items/k2")).json()["data"][0]
    assert (item["status"], [take["reason"] for take in item["takes"]]) == ("waiting", ["first", "retry"])
    assert (await service.post(f"/v1/actions/{begun['id']}/abort")).status_code == 409


async def test_a_reroll_of_named_items_makes_linked_takes(
    items: list[dict[str, Any]], service: Service
) -> None:
    body = {"items": [items[0]["id"], "k2"], "prompt": "{prompt} at night", "seed": 5, "model": "other"}
    tried = (await service.post(f"{SPRING}/reroll", json={**body, "dry_run": True})).json()
    assert tried["samples"][0]["prompt"] == "a colour 0 cat at night"
    answer = await service.post(f"{SPRING}/reroll", json={**body, "expected_count": tried["eligible"]})
    assert answer.status_code == 202
    await control(service)
    take = (await service.get(f"{SPRING}/items/k0")).json()["data"][0]["takes"][1]
    assert (take["prompt"], take["model"], take["reason"], take["take"]) == (
        "a colour 0 cat at night",
        "other",
        "edit",
        2,
    )


@pytest.mark.usefixtures("items")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"filter": {"status": "lost"}}, "filter.status"),
        ({"filter": {"colour": "red"}}, "filter.colour"),
        ({"items": ["k0"], "filter": {}}, ""),
        ({"filter": {}, "prompt": "{gone}"}, "prompt"),
        ({"filter": {}, "prompt": "{"}, "prompt"),
        ({"filter": {}, "seed": -1}, "seed"),
    ],
)
async def test_a_wrong_reroll_names_the_member(service: Service, body: dict[str, Any], field: str) -> None:
    answer = await service.post(f"{SPRING}/reroll", json={**body, "dry_run": True})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"].startswith(field)


@pytest.mark.usefixtures("items")
async def test_items_and_actions_of_others_do_not_exist(service: Service) -> None:
    gone = await service.post(f"{SPRING}/reroll", json={"items": ["k0", "k9"], "dry_run": True})
    assert (gone.status_code, "k9" in gone.json()["detail"]) == (404, True)
    begun = await retry(service, mode="all", expected_count=3)
    bob = service.with_key(BOB)
    assert (await bob.get(f"/v1/actions/{begun['id']}")).status_code == 404
    assert (await bob.post(f"/v1/actions/{begun['id']}/abort")).status_code == 404
    assert (await bob.get("/v1/actions")).json()["data"] == []
    assert (await bob.post(f"{SPRING}/retry", json={"mode": "all", "dry_run": True})).status_code == 404


@pytest.mark.usefixtures("items")
async def test_an_aborted_action_makes_no_takes(service: Service) -> None:
    begun = await retry(service, mode="all", expected_count=3)
    ended = (await service.post(f"/v1/actions/{begun['id']}/abort")).json()
    assert (ended["status"], ended["pending"], ended["done"]) == ("aborted", 3, 0)
    await control(service)
    assert [item["takes"] for item in await listed(service)] == [1] * 5
    page = (
        await service.get(
            "/v1/actions", params={"status": "aborted", "campaign": "spring", "kind": "retry,reroll"}
        )
    ).json()
    assert [each["id"] for each in page["data"]] == [begun["id"]]


async def test_a_draft_and_a_cancelled_campaign_are_not_repaired(create: Create, service: Service) -> None:
    await create()
    body = {"mode": "all", "dry_run": True}
    assert (await service.post(f"{SPRING}/retry", json=body)).status_code == 409
    await service.post(f"{SPRING}/cancel")
    assert (await service.post(f"{SPRING}/retry", json=body)).status_code == 409


async def test_a_retry_of_a_finished_campaign_starts_its_new_rows_too(
    create: Create, service: Service
) -> None:
    await create(failing={"enabled": False})
    for item in await start(service, 2):
        await end(service, item)
    await control(service)
    assert (await service.get(SPRING)).json()["status"] == "finished"
    sheet = "key,colour\nk0,other\nk9,new\n"
    await service.post(f"{SPRING}/rows", content=sheet, headers={"Content-Type": "text/csv"})
    assert (await retry(service, mode="missing", dry_run=True))["eligible"] == 2
    begun = await retry(service, mode="missing", expected_count=2)
    assert (begun["status"], begun["done"]) == ("finished", 2)
    await control(service)
    assert (await service.get(SPRING)).json()["status"] == "running"
    assert [(item["key"], item["takes"]) for item in await listed(service)] == [
        ("k0", 2),
        ("k1", 1),
        ("k9", 1),
    ]


async def test_an_item_has_a_limit_of_takes(create: Create, service: Service) -> None:
    await create(failing={"enabled": False})
    await start(service, 1)
    most = service.services.settings.campaign_takes
    for _ in range(most - 1):
        await end(service, (await listed(service))[0], JobStatus.FAILED)
        await retry(service, mode="missing_and_failed", expected_count=1)
        await control(service)
    await end(service, (await listed(service))[0], JobStatus.FAILED)
    tried = await retry(service, mode="missing_and_failed", dry_run=True)
    assert (tried["eligible"], [each["reason"] for each in tried["skipped"]]) == (0, ["too_many_takes"])


async def test_a_reroll_on_a_model_that_no_channel_serves_is_refused_with_the_nearest_names(
    create: Create, service: Service
) -> None:
    await create()
    (item,) = await start(service, 1)
    await end(service, item)
    channel = {"name": "one", "base_url": "http://127.0.0.1:1", "api_key": "k" * 20, "models": ["gpt-image"]}
    async with service.services.database.writing() as connection:
        await sync_channels(connection, [ChannelSettings.model_validate(channel)], now())
        await mark_configured(connection, {"one"})
    service.services.snapshots.clear()
    for dry_run in (True, False):
        body = {"items": ["k0"], "model": "gpt-imgae", "dry_run": dry_run, "expected_count": 1}
        answer = await service.post(f"{SPRING}/reroll", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "unserved_model")
        assert answer.json()["errors"][0]["field"] == "model"
        assert "nearest names are gpt-image" in answer.json()["detail"]
    served = {"items": ["k0"], "model": "gpt-image", "expected_count": 1}
    assert (await service.post(f"{SPRING}/reroll", json=served)).status_code == 202
    rules = {"model": "gpt-imagine", "rules": ["Is it a cat?"]}
    for answer in (
        await service.request("PATCH", SPRING, json={"gate": rules}),
        await service.post("/v1/campaigns", json={"name": "autumn", "gate": rules}),
    ):
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "gate.model")


async def test_an_action_is_a_filter_of_its_items_and_of_the_takes_that_it_made(
    service: Service, items: list[dict[str, Any]]
) -> None:
    begun = await retry(service, mode="missing_and_failed", expected_count=1)
    await control(service)
    [item] = await listed(service, action=begun["id"])
    assert (item["key"], item["takes"]) == ("k2", 2)
    made = (await service.get("/v1/jobs", params={"action": begun["id"]})).json()["data"]
    assert [each["id"] for each in made] == [item["job"]], "the new take, not the one before"
    body = {"items": [each["id"] for each in items[:2]], "verdict": "pick"}
    judged = (await service.post(f"{SPRING}/verdicts", json=body)).json()
    assert {each["key"] for each in await listed(service, action=judged["id"])} == {"k0", "k1"}
    both = {"action": [begun["id"], judged["id"]], "status": "approved"}
    assert {each["key"] for each in await listed(service, **both)} == {"k0", "k1"}
    counted = await retry(service, mode="all", filter={"action": judged["id"]}, dry_run=True)
    assert counted["eligible"] + sum(each["count"] for each in counted["skipped"]) == 2
    wrong = await service.get(f"{SPRING}/items", params={"action": "job_1"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "action")


async def test_what_is_done_to_a_campaign_is_logged_with_its_count_and_a_dry_run_is_not(
    service: Service, items: list[dict[str, Any]]
) -> None:
    campaign = (await service.get(SPRING)).json()["id"]
    async with service.services.database.reading() as connection:
        before = len(await list_entries(connection, limit=100))
    await retry(service, mode="missing_and_failed", dry_run=True)
    await service.post(f"{SPRING}/verdicts", json={"filter": {}, "verdict": "pick", "dry_run": True})
    begun = await retry(service, mode="missing_and_failed", expected_count=1)
    picked = {"items": [items[0]["id"]], "verdict": "pick"}
    await service.post(f"{SPRING}/verdicts", json=picked)
    await service.post(f"{SPRING}/exports", json={"format": "zip"})
    await service.post(f"/v1/actions/{begun['id']}/abort")
    async with service.services.database.reading() as connection:
        entries = await list_entries(connection, limit=100)
    found = [(each.target, each.count, each.after) for each in reversed(entries[: len(entries) - before])]
    assert [target for target, _, _ in found] == [campaign, campaign, campaign, begun["id"]]
    assert [count for _, count, _ in found] == [1, 1, None, None]
    assert found[0][2]["action"] == begun["id"]
    assert [after for _, _, after in found][1::2] == [{"verdict": "pick"}, {"status": "aborted"}]
