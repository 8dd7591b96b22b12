"""Campaigns that can't work are refused by field, before anything is imported or paid."""

from collections.abc import Callable
from typing import Any

import pytest

from models.settings import Settings
from tests.api.conftest import started
from tests.api.rest.campaigns.conftest import DEFINITION, SPRING, Create, Import
from tests.api.rest.campaigns.made import end, start
from tests.api.service import BOB, Service

NEVER = {"from": "09:00", "to": "09:00"}
ZERO = {"amount": "0", "currency": "USD"}


@pytest.mark.parametrize(
    ("members", "field", "words"),
    [
        ({"windows": [NEVER]}, "windows.0", "never opens"),
        ({"windows": [{"from": "25:00", "to": "09:00"}]}, "windows.0.from", "HH:MM"),
        ({"windows": [{"from": "01:00", "to": "09:00", "zone": "Mars/Base"}]}, "windows.0.zone", "time zone"),
        ({"windows": [{"from": "01:00", "to": "09:00", "days": []}]}, "windows.0.days", "1"),
        ({"deadline": "2020-01-01T00:00:00Z"}, "deadline", "in the future"),
        (
            {"start_at": "2090-01-02T00:00:00Z", "deadline": "2090-01-01T00:00:00Z"},
            "deadline",
            "later than start_at",
        ),
        ({"budget": ZERO}, "budget.amount", "greater than 0"),
        ({"budget": {"amount": "1e40", "currency": "USD"}}, "budget.amount", ""),
        ({"budget": {"amount": "5", "currency": "dollars"}}, "budget.currency", ""),
        ({"template": {"prompt": "a {cat"}}, "template.prompt", "column"),
    ],
)
async def test_a_definition_that_cannot_work_is_refused_by_field(
    service: Service, members: dict[str, Any], field: str, words: str
) -> None:
    answer = await service.post("/v1/campaigns", json=DEFINITION | members)
    assert answer.status_code == 422, answer.text
    error = answer.json()["errors"][0]
    assert (error["field"], words in error["message"]) == (field, True), error
    assert (await service.get(SPRING)).status_code == 404


async def test_a_sheet_with_a_hundred_thousand_columns_is_refused_with_the_ceiling(
    create: Create, load: Import, service: Service
) -> None:
    await create()
    report = await load("key," + ",".join(f"c{n}" for n in range(100_000)) + "\na,red\n")
    assert (report["added"], len(report["errors"])) == (0, 1)
    assert "DARKROOM_CAMPAIGN_COLUMNS" in report["errors"][0]["message"]
    assert (await service.get(SPRING)).json()["rows"] == 0


async def test_a_billion_combinations_are_refused_with_the_ceiling(service: Service) -> None:
    values = {name: [f"{name}{n}" for n in range(1000)] for name in ("x", "y", "z")}
    members = {"template": {"prompt": "{x} {y} {z}"}, "axes": {"values": values}}
    answer = await service.post("/v1/campaigns", json=DEFINITION | members)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "axes")
    assert "1,000,000,000" in answer.text
    assert "DARKROOM_CAMPAIGN_COMBINATIONS" in answer.text


@pytest.mark.parametrize(
    ("budget", "code", "words"),
    [
        ({"amount": "5", "currency": "XTS"}, "budget_currency", "charge USD and the budget is in XTS"),
        ({"amount": "0.1", "currency": "USD"}, "budget_small", "may cost 0.2 USD"),
    ],
)
async def test_a_plan_says_that_a_budget_cannot_be_enough(
    make_settings: Callable[..., Settings], budget: dict[str, str], code: str, words: str
) -> None:
    channel = {"name": "one", "api_key": "k" * 32, "base_url": "http://127.0.0.1:1", "models": "gpt-image"}
    priced = channel | {"prices": {"gpt-image": {"per_call": 0.1}}}
    async with started(make_settings(channels=[priced])) as service:
        made = await service.post("/v1/campaigns", json=DEFINITION | {"budget": budget})
        assert made.status_code == 201, made.text
        sheet = {"content": b"key,colour\na,red\nb,blue\n", "headers": {"Content-Type": "text/csv"}}
        assert (await service.post(f"{SPRING}/rows", **sheet)).json()["added"] == 2
        warnings = (await service.get(f"{SPRING}/plan")).json()["warnings"]
    assert {each["code"]: words in each["message"] for each in warnings}[code], warnings


async def test_the_items_of_another_caller_can_be_neither_seen_nor_judged(
    create: Create, service: Service
) -> None:
    await create(failing={"enabled": False})
    (item,) = await start(service, 1)
    await end(service, item)
    bob = service.with_key(BOB)
    for body in ({"items": [item["id"]]}, {"items": [item["key"]]}, {"filter": {}}):
        judged = await bob.post(f"{SPRING}/verdicts", json={"verdict": "reject", **body})
        assert judged.status_code == 404, judged.text
    made = await bob.post("/v1/campaigns", json=DEFINITION)
    assert made.status_code == 201
    judged = await bob.post(f"{SPRING}/verdicts", json={"verdict": "reject", "items": [item["id"]]})
    assert (judged.status_code, judged.json().get("done", 0)) in {(200, 0), (404, 0), (422, 0)}, judged.text
    take = (await service.get(f"{SPRING}/items/{item['key']}")).json()["data"][0]["takes"][0]
    assert take["verdicts"] == []
