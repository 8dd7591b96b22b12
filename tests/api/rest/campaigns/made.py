"""A started campaign whose items have takes, as workers make them; and the workers' part in its actions."""

import asyncio
from typing import Any, cast

from models.ids import parse_id
from models.states import JobStatus
from tests.api.rest.campaigns.conftest import SPRING
from tests.api.service import Service
from worker.campaigns.action_runner import ActionRunner
from worker.campaigns.controller import CampaignController
from worker.services import WorkerServices

S = JobStatus
CALLED = (S.QUEUED, S.LEASED, S.RUNNING)


async def start(service: Service, count: int) -> list[dict[str, Any]]:
    """Import rows k0, k1, … into ``spring`` and start it; return its items."""
    sheet = "key,colour\n" + "".join(f"k{number},colour {number}\n" for number in range(count))
    answer = await service.post(f"{SPRING}/rows", content=sheet, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 200, answer.text
    items = (await service.get(f"{SPRING}/plan")).json()["items"]
    assert (await service.post(f"{SPRING}/start", json={"expected_items": items})).status_code == 200
    await control(service)
    return await listed(service)


async def control(service: Service) -> None:
    """Let a worker move campaigns on, and go through actions."""
    services = cast(WorkerServices, service.services)  # it has what they use: database, clock, settings
    controller = CampaignController(services, asyncio.Event(), asyncio.Event())
    await controller.run_round()
    await ActionRunner(services, asyncio.Event(), asyncio.Event()).run_round()
    await controller.run_round()


async def listed(service: Service, **query: Any) -> list[dict[str, Any]]:
    """Return the items of ``spring``."""
    found: list[dict[str, Any]] = (await service.get(f"{SPRING}/items", params=query)).json()["data"]
    return found


async def end(service: Service, item: dict[str, Any], status: JobStatus = S.SUCCEEDED) -> None:
    """Let the newest take of an item end."""
    job = next(each["job"] for each in await listed(service, key=item["key"]) if each["id"] == item["id"])
    assert parse_id("job", job)
    await service.move({"id": job}, *CALLED)
    changes: dict[str, Any] = {"finished_at": service.services.clock()}
    if status in (S.FAILED, S.HELD):
        changes["error"] = {"code": "upstream_error", "message": f"request {job} failed after 12 s"}
    await service.move({"id": job}, S.RUNNING, status, **changes)
