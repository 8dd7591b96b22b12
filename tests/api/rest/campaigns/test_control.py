"""Plan, start, pause, resume, cancel and approve over HTTP."""

from typing import Any

import pytest
from sqlalchemy import insert

from models.campaigns.status import CampaignStatus, PauseReason
from models.clock import now
from models.ids import parse_id
from models.queries.campaigns import campaigns
from models.tables import spend
from tests.api.rest.campaigns.conftest import SPRING, Create, Import
from tests.api.rest.campaigns.made import listed, start
from tests.api.service import Service
from tests.worker.metrics.samples import sample
from worker.campaigns.pauses import pause_changes

SHEET = "key,colour\na,red\nb,blue\nc,green\n"
AXES = {"values": {"thing": ["cat", "dog"]}}


async def act(service: Service, word: str, status: int = 200, **body: Any) -> dict[str, Any]:
    answer = await service.post(f"{SPRING}/{word}", json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_plan_has_items_formula_samples_and_all_errors(
    create: Create, load: Import, service: Service
) -> None:
    await create(axes=AXES, defaults={"n": 2})
    await load(SHEET)
    plan = (await service.get(f"{SPRING}/plan")).json()
    assert (plan["rows"], plan["items"], plan["pictures"], plan["calls"]) == (3, 6, 12, 6)
    assert plan["formula"] == "2 thing × 3 rows = 6"
    assert plan["samples"][0]["prompt"] == "a red cat"
    assert (plan["cost"]["source"], plan["warnings"][0]["code"]) == ("unknown", "no_channel")

    await service.request("PATCH", SPRING, json={"template": {"prompt": "{colour} {shape}"}})
    plan = (await service.get(f"{SPRING}/plan")).json()
    assert (plan["error_count"], plan["errors"][0]["key"], plan["errors"][0]["column"]) == (3, "a", 10)


async def test_a_start_needs_the_number_of_items_in_the_plan(
    create: Create, load: Import, service: Service
) -> None:
    await create()
    assert "no items" in (await act(service, "start", 409, expected_items=0))["detail"]
    await load(SHEET)
    refused = await act(service, "start", 409, expected_items=2)
    assert (refused["code"], refused["items"]) == ("unexpected_items", 3)
    started = await act(service, "start", expected_items=3)
    assert (started["status"], started["items"]["total"]) == ("checking", 3)
    assert started["items"]["by_status"]["waiting"] == 3
    assert "started already" in (await act(service, "start", 409, expected_items=3))["detail"]
    assert (await service.request("DELETE", SPRING)).status_code == 409


async def test_a_pause_is_shown_with_its_reason_and_ends_by_resume(
    create: Create, load: Import, service: Service
) -> None:
    await create()
    await act(service, "pause", 409)
    await load(SHEET)
    await act(service, "start", expected_items=3)
    paused = await act(service, "pause", reason="too bright")
    assert (paused["status"], paused["paused"]["reason"], paused["paused"]["detail"]) == (
        "paused",
        "manual",
        "too bright",
    )
    await act(service, "pause", 409)
    resumed = await act(service, "resume")
    assert (resumed["status"], resumed["paused"]) == ("checking", None)
    await act(service, "resume", 409)
    await act(service, "approve", 409)
    ended, cancelled = "darkroom_campaign_duration_seconds_count", {"outcome": "cancelled"}
    before = sample(ended, **cancelled)
    assert (await act(service, "cancel"))["status"] == "cancelled"
    assert sample(ended, **cancelled) == before + 1
    await act(service, "cancel", 409)


async def test_jobs_of_a_plain_campaign_can_be_paused_by_its_name(service: Service) -> None:
    job = await service.submit(campaign="spring")
    await act(service, "pause", reason="wait")
    waiting = (await service.get(f"/v1/jobs/{job['id']}")).json()["waiting"]
    assert (waiting["reason"], "(wait)" in waiting["detail"]) == ("campaign_paused", True)
    await act(service, "resume")
    assert (await service.get(f"/v1/jobs/{job['id']}")).json()["waiting"]["reason"] == "no_channel"


async def test_outside_its_windows_a_campaign_is_shown_as_paused(
    create: Create, load: Import, service: Service
) -> None:
    await create(start_at="2100-01-01T00:00:00Z")
    await load(SHEET)
    started = await act(service, "start", expected_items=3)
    assert (started["status"], started["paused"]["reason"]) == ("paused", "window")
    assert started["paused"]["until"].startswith("2100-01-01")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"expected_items": "3"}, "expected_items"),
        ({}, "expected_items"),
        ({"expected_items": 3, "more": 1}, "more"),
    ],
)
async def test_a_wrong_start_names_the_field(
    create: Create, service: Service, body: dict[str, Any], field: str
) -> None:
    await create()
    answer = await service.post(f"{SPRING}/start", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


@pytest.mark.parametrize(("amount", "status"), [("20", "running"), ("5", "paused"), (None, "running")])
async def test_a_campaign_that_its_budget_paused_goes_on_once_there_is_room(
    create: Create, service: Service, amount: str | None, status: str
) -> None:
    made = await create(budget={"amount": "5", "currency": "USD"})
    await start(service, 2)
    async with service.services.database.writing() as connection:
        campaign = await campaigns.get(connection, parse_id("camp", made["id"]), lock=True)
        assert campaign is not None
        changes = pause_changes(campaign, PauseReason.BUDGET, at=now(), by=None, detail="5 of 5 USD")
        await campaigns.change_status(connection, campaign, CampaignStatus.PAUSED, at=now(), changes=changes)
        spent = {"campaign": "spring", "currency": "USD", "reserved": 0, "settled": 5_000_000, "unknown": 0}
        await connection.execute(insert(spend).values(caller_id=campaign.caller_id, **spent))
    assert (await service.get(SPRING)).json()["paused"]["reason"] == "budget"
    budget = amount and {"amount": amount, "currency": "USD"}
    answer = await service.request("PATCH", SPRING, json={"budget": budget})
    assert (answer.status_code, answer.json()["status"]) == (200, status)
    assert (answer.json()["paused"] is None) is (status == "running")
    assert [each["takes"] for each in await listed(service)] == [1, 1]  # nothing lost, nothing again
