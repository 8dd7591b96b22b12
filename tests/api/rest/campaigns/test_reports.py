"""Reports over HTTP: failures by fingerprint, models side by side."""

from typing import Any

from models.states import JobStatus
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
    same = (await service.get(f"{SPRING}/models", params={"same_items": ["gpt-image", "other"]})).json()
    assert [(each["model"], each["pictures"]) for each in same["data"]] == [("gpt-image", 2), ("other", 2)]
    assert (await service.get(f"{SPRING}/models", params={"same": "x"})).status_code == 422
