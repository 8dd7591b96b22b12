"""Review over HTTP: verdicts, their undo, and the next item of each reviewer."""

from typing import Any

import pytest

from models.states import JobStatus
from tests.api.rest.campaigns.conftest import SPRING, Create
from tests.api.rest.campaigns.made import control, end, listed, start
from tests.api.service import ADMIN, BOB, Service


@pytest.fixture
async def items(create: Create, service: Service) -> list[dict[str, Any]]:
    """Four items: three made, one failed."""
    await create(failing={"enabled": False})
    found = await start(service, 4)
    for item in found[:3]:
        await end(service, item)
    await end(service, found[3], JobStatus.FAILED)
    return found


async def judge(service: Service, verdict: str, **body: Any) -> dict[str, Any]:
    answer = await service.post(f"{SPRING}/verdicts", json={"verdict": verdict, **body})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def states(service: Service) -> list[str]:
    return [item["status"] for item in await listed(service)]


@pytest.mark.usefixtures("items")
async def test_many_pictures_are_judged_at_once_and_the_others_skipped(service: Service) -> None:
    made = await judge(service, "reject", filter={}, reason="too dark")
    assert (made["done"], [each["reason"] for each in made["skipped"]]) == (3, ["no_picture"])
    assert await states(service) == ["rejected"] * 3 + ["failed"]
    await judge(service, "pick", items=["k0"])
    assert await states(service) == ["approved", "rejected", "rejected", "failed"]
    take = (await service.get(f"{SPRING}/items/k0")).json()["data"][0]["takes"][0]
    assert [(each["verdict"], each["reason"]) for each in take["verdicts"]] == [
        ("reject", "too dark"),
        ("pick", None),
    ]
    assert (await service.get(SPRING)).json()["items"]["by_status"]["approved"] == 1
    await judge(service, "none", items=["k0"])
    assert (await states(service))[0] == "made"


async def test_undo_takes_back_one_action_of_the_key_per_request(
    items: list[dict[str, Any]], service: Service
) -> None:
    await judge(service, "reject", filter={})
    await judge(service, "pick", items=[items[0]["id"], "k1"])
    other = service.with_key(ADMIN)
    campaign = (await service.get(SPRING)).json()["id"]
    assert (await other.post(f"/v1/campaigns/{campaign}/verdicts/undo")).status_code == 409
    undone = (await service.post(f"{SPRING}/verdicts/undo")).json()
    assert undone["undone_at"]
    assert await states(service) == ["rejected"] * 3 + ["failed"]
    await service.post(f"{SPRING}/verdicts/undo")
    assert await states(service) == ["made"] * 3 + ["failed"]
    assert (await service.post(f"{SPRING}/verdicts/undo")).status_code == 409


@pytest.mark.usefixtures("items")
async def test_a_further_take_is_unjudged_and_the_verdict_stays_with_its_take(service: Service) -> None:
    await judge(service, "reject", items=["k0"])
    body = {"items": ["k0"], "expected_count": 1}
    assert (await service.post(f"{SPRING}/reroll", json=body)).status_code == 202
    await control(service)
    await end(service, (await listed(service))[0])
    await service.post(f"{SPRING}/verdicts/undo")
    item = (await service.get(f"{SPRING}/items/k0")).json()["data"][0]
    assert (item["status"], item["verdict"]) == ("made", None)
    assert [len(take["verdicts"]) for take in item["takes"]] == [1, 0]
    assert item["takes"][0]["verdicts"][0]["undone_at"]


async def test_verdicts_on_items_of_others_do_not_exist(
    items: list[dict[str, Any]], service: Service
) -> None:
    bob = service.with_key(BOB)
    body = {"verdict": "pick", "items": [items[0]["id"]]}
    assert (await bob.post(f"{SPRING}/verdicts", json=body)).status_code == 404
    definition = {"name": "spring", "model": "gpt-image", "template": {"prompt": "a cat"}}
    assert (await bob.post("/v1/campaigns", json=definition)).status_code == 201
    assert (await bob.post(f"{SPRING}/verdicts", json=body)).status_code == 404
    assert (await bob.post(f"{SPRING}/verdicts/undo")).status_code == 409
    assert await states(service) == ["made"] * 3 + ["failed"]


@pytest.mark.usefixtures("items")
async def test_a_wrong_verdict_or_count_changes_nothing(service: Service) -> None:
    for body, status in (
        ({"verdict": "maybe", "filter": {}}, 422),
        ({"verdict": "pick"}, 422),
        ({"verdict": "pick", "filter": {"status": "lost"}}, 422),
        ({"verdict": "pick", "filter": {}, "expected_count": 9}, 409),
        ({"verdict": "pick", "items": ["k0", "gone"]}, 404),
    ):
        assert (await service.post(f"{SPRING}/verdicts", json=body)).status_code == status
    tried = await judge(service, "pick", filter={}, dry_run=True)
    assert (tried["eligible"], tried["id"]) == (3, None)
    assert await states(service) == ["made"] * 3 + ["failed"]


async def next_key(service: Service, campaign: str, **query: Any) -> str | None:
    answer = await service.get(f"/v1/campaigns/{campaign}/review/next", params=query)
    assert answer.status_code == 200, answer.text
    item = answer.json()["item"]
    return item["key"] if item else None


async def test_reviewers_are_given_different_items(items: list[dict[str, Any]], service: Service) -> None:
    campaign, other = (await service.get(SPRING)).json()["id"], service.with_key(ADMIN)
    assert await next_key(service, campaign) == "k0"
    assert await next_key(service, campaign) == "k0"
    assert await next_key(other, campaign) == "k1"
    assert await next_key(service, campaign, after=items[0]["id"]) == "k2"
    assert await next_key(other, campaign, after=items[1]["id"]) is None
    await judge(service, "pick", items=["k0"])
    assert await next_key(service, campaign) == "k2"
    assert (await service.get(f"{SPRING}/review/next")).json()["unjudged"] == 2
