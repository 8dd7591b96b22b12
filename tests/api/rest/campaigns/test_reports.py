"""Reports over HTTP: failures by fingerprint, models side by side."""

from typing import Any

from sqlalchemy import insert

from models.clock import now
from models.ids import new_id, parse_id
from models.states import JobStatus
from models.tables import attempts
from tests.api.rest.campaigns.conftest import SPRING, Create
from tests.api.rest.campaigns.made import control, end, listed, start
from tests.api.service import BOB, Service


async def test_failures_that_differ_by_their_ids_are_one_fingerprint(
    create: Create, service: Service
) -> None:
    await create(failing={"enabled": False})
    items = await start(service, 4)
    for item in items[:3]:
        await end(service, item, JobStatus.FAILED)
    await end(service, items[3])
    found = (await service.get(f"{SPRING}/failures")).json()
    (only,) = found["data"]
    assert (only["count"], only["code"], only["model"], only["held"]) == (
        3,
        "upstream_error",
        "gpt-image",
        False,
    )
    assert only["words"] == "request <id> failed after <n> s"
    assert sorted(only["samples"]) == ["k0", "k1", "k2"]
    assert only["first"] <= only["last"]
    assert (await service.with_key(BOB).get(f"{SPRING}/failures")).status_code == 404


async def test_models_are_compared_on_the_same_items(create: Create, service: Service) -> None:
    await create(failing={"enabled": False})
    items = await start(service, 3)
    for item in items:
        await end(service, item)
    await service.post(f"{SPRING}/verdicts", json={"items": ["k0", "k2"], "verdict": "reject"})
    body = {"items": ["k0", "k1"], "model": "other", "expected_count": 2}
    assert (await service.post(f"{SPRING}/reroll", json=body)).status_code == 202
    await control(service)
    for item in (await listed(service))[:2]:
        await end(service, item)
    await service.post(f"{SPRING}/verdicts", json={"items": ["k0"], "verdict": "pick"})
    both: dict[str, Any] = (await service.get(f"{SPRING}/models")).json()
    by_model = {each["model"]: each for each in both["data"]}
    first, second = by_model["gpt-image"], by_model["other"]
    assert (first["pictures"], first["rejected"], first["unjudged"], first["approval"]) == (3, 2, 1, 0.0)
    assert (second["pictures"], second["approved"], second["approval"]) == (2, 1, 1.0)
    assert (second["cost_per_approved"], second["cost_source"]) == (None, "unknown")
    await charge(service, "k0", 1, 30_000)
    await charge(service, "k1", 1, 30_000)
    await charge(service, "k0", 2, 50_000)
    await charge(service, "k1", 2, None)
    priced = (await service.get(f"{SPRING}/models")).json()["data"]
    one, other = sorted(priced, key=lambda each: str(each["model"]))
    assert (one["cost"], one["cost_per_approved"], one["cost_source"]) == ("0.06", None, "calls")
    assert (other["cost"], other["cost_per_approved"], other["cost_source"]) == ("0.05", "0.05", "incomplete")
    assert other["costs"][0]["unknown"] == "0.1"
    same = (await service.get(f"{SPRING}/models", params={"same_items": ["gpt-image", "other"]})).json()
    assert [(each["model"], each["pictures"]) for each in same["data"]] == [("gpt-image", 2), ("other", 2)]
    assert (await service.get(f"{SPRING}/models", params={"same": "x"})).status_code == 422


async def charge(
    service: Service, key: str, take: int, micro: int | None, *, outcome: str = "success", number: int = 1
) -> None:
    """Record a call of a take, and what it has cost; ``None``: it is not known."""
    takes = (await service.get(f"{SPRING}/items/{key}")).json()["data"][0]["takes"]
    job_id = parse_id("job", next(each["job"] for each in takes if each["take"] == take))
    row = {
        "job_id": job_id,
        "number": number,
        "generation": 1,
        "channel": "c",
        "worker_id": new_id(),
        "sent_at": now(),
        "finished_at": now(),
        "outcome": outcome,
        "billed": "yes",
        "reserved_micro": 100_000,
        "cost_micro": micro,
        "currency": "USD",
    }
    async with service.services.database.writing() as connection:
        await connection.execute(insert(attempts).values(**row))


async def test_costs_are_counted_by_what_became_of_them_and_for_each_approved_picture(
    create: Create, service: Service
) -> None:
    await create(failing={"enabled": False})
    for item in await start(service, 4):
        await end(service, item)
    await service.post(f"{SPRING}/verdicts", json={"items": ["k0", "k1"], "verdict": "pick"})
    await service.post(f"{SPRING}/verdicts", json={"items": ["k2"], "verdict": "reject"})
    for key in ("k0", "k1", "k2", "k3"):
        await charge(service, key, 1, 40_000, number=2)
    await charge(service, "k0", 1, 10_000, outcome="no_image")
    await charge(service, "k1", 1, None, outcome="ambiguous")
    found = (await service.get(f"{SPRING}/costs")).json()
    assert (found["object"], found["items"]) == ("campaign_costs", {"pictures": 4, "approved": 2})
    (usd,) = found["currencies"]
    assert (usd["currency"], usd["calls"], usd["cost"], usd["unknown"]) == ("USD", 6, "0.17", "0.1")
    assert usd["by_result"] == {
        "approved": "0.08",
        "unjudged": "0.04",
        "rejected": "0.04",
        "failed": "0.01",
        **dict.fromkeys(("replaced", "checks", "open", "other"), "0"),
    }
    assert usd["waste"] == {"cost": "0.05", "share": 0.2941}
    assert (usd["cost_per_picture"], usd["cost_per_approved"]) == ("0.0425", "0.085")
    assert [each["model"] for each in found["models"]] == ["gpt-image"]
    assert [each["cost"] for each in await listed(service, key="k0")] == [{"USD": "0.05"}]
    assert (await service.get(f"{SPRING}/items/k3")).json()["data"][0]["cost"] == {"USD": "0.04"}
    report = (await service.get("/v1/costs", params={"by": "campaign"})).json()["data"]
    assert [(each["approved"], each["cost_per_approved"]) for each in report] == [(2, "0.085")]
    assert (await service.with_key(BOB).get(f"{SPRING}/costs")).status_code == 404


async def test_a_replaced_picture_without_a_verdict_is_waste(create: Create, service: Service) -> None:
    await create(failing={"enabled": False})
    (item,) = await start(service, 1)
    await end(service, item)
    body = {"items": ["k0"], "expected_count": 1}
    assert (await service.post(f"{SPRING}/reroll", json=body)).status_code == 202
    await control(service)
    await end(service, (await listed(service))[0])
    await charge(service, "k0", 1, 40_000)
    await charge(service, "k0", 2, 40_000)
    (usd,) = (await service.get(f"{SPRING}/costs")).json()["currencies"]
    assert (usd["by_result"]["replaced"], usd["by_result"]["unjudged"]) == ("0.04", "0.04")
    assert (usd["waste"]["share"], usd["cost_per_approved"]) == (0.5, None)
