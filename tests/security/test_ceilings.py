"""One caller that opens, submits and sends without end meets a limit that names its setting."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from models.settings import Settings
from tests.api.conftest import started
from tests.api.service import ALICE, BOB, JOB, S, Service

HOOK = {"url": "https://hooks.example/a"}


def check_limit(answer: httpx.Response, limit: int, setting: str) -> None:
    assert answer.status_code == 429, answer.text
    assert (answer.json()["limit"], answer.json()["setting"]) == (limit, setting)
    assert setting in answer.json()["detail"]


@asynccontextmanager
async def waiting(service: Service, count: int, path: str) -> AsyncIterator[None]:
    """Wait for a job by so many requests until the block ends; then the job ends."""
    job = await service.submit()
    requests = [asyncio.create_task(service.get(path.format(job["id"]))) for _ in range(count)]
    limits = service.services.ceilings
    while sum((limits.event_streams._open + limits.long_polls._open).values()) < count:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    yield
    await service.move(job, S.QUEUED, S.CANCELLED)
    assert {answer.status_code for answer in await asyncio.gather(*requests)} == {200}


@pytest.mark.parametrize(
    ("path", "setting"), [("/v1/jobs/{}/events", "event_streams"), ("/v1/jobs/{}?wait=20", "long_polls")]
)
async def test_streams_and_long_polls_of_a_caller_are_limited(
    make_settings: Callable[..., Settings], path: str, setting: str
) -> None:
    async with started(make_settings(**{setting: 3})) as service:
        job, other = await service.submit(), await service.with_key(BOB).submit()
        async with waiting(service, 3, path):
            check_limit(await service.get(path.format(job["id"])), 3, f"DARKROOM_{setting.upper()}")
            await service.with_key(BOB).post(f"/v1/jobs/{other['id']}/cancel")
            assert (await service.with_key(BOB).get(path.format(other["id"]))).status_code == 200
        async with waiting(service, 3, path):
            pass


async def test_a_submit_that_would_wait_is_accepted_without_waiting(
    make_settings: Callable[..., Settings],
) -> None:
    async with started(make_settings(long_polls=0)) as service:
        answer = await service.post("/v1/jobs", json=JOB, headers={"Prefer": "wait=20"})
        assert answer.status_code == 202
        assert "preference-applied" not in answer.headers


async def test_webhook_tests_and_replays_of_a_caller_are_limited_per_minute(
    make_settings: Callable[..., Settings],
) -> None:
    async with started(make_settings(webhook_tests=2)) as service:
        path = f"/v1/webhooks/{(await service.post('/v1/webhooks', json=HOOK)).json()['id']}/test"
        delivery = (await service.post(path)).json()["id"]
        assert (await service.post(path)).status_code == 202
        refused = await service.post(path)
        check_limit(refused, 2, "DARKROOM_WEBHOOK_TESTS")
        assert 50 <= int(refused.headers["Retry-After"]) <= 61
        replay = f"/v1/webhooks/deliveries/{delivery}/replay"
        assert {(await service.post(replay)).status_code for _ in range(20)} == {409}  # it has not ended
        check_limit(await service.post(replay), 20, "DARKROOM_WEBHOOK_TESTS")


async def test_webhooks_of_a_caller_are_limited(make_settings: Callable[..., Settings]) -> None:
    async with started(make_settings(webhook_endpoints=1)) as service:
        assert (await service.post("/v1/webhooks", json=HOOK)).status_code == 201
        check_limit(await service.post("/v1/webhooks", json=HOOK), 1, "DARKROOM_WEBHOOK_ENDPOINTS")
        assert (await service.with_key(BOB).post("/v1/webhooks", json=HOOK)).status_code == 201


async def test_campaigns_of_a_caller_are_limited(make_settings: Callable[..., Settings]) -> None:
    async with started(make_settings(campaigns=1)) as service:
        for path in ("/v1/campaigns/a", "/v1/campaigns/a"):
            assert (await service.request("PUT", path, json={})).status_code == 200
        for method in ("PUT", "PATCH"):
            check_limit(await service.request(method, "/v1/campaigns/b", json={}), 1, "DARKROOM_CAMPAIGNS")


async def test_queued_jobs_of_a_caller_without_a_limit_of_its_own_are_limited_on_each_surface(
    make_settings: Callable[..., Settings],
) -> None:
    async with started(make_settings(max_queued=2, midjourney_image_model="m")) as service:
        batch = await service.post("/v1/jobs", json={"jobs": [JOB] * 3})
        assert len(batch.json()["accepted"]) == 2
        assert batch.json()["rejected"][0]["code"] == "queue_full"
        full = await service.post("/v1/jobs", json=JOB)
        assert (full.status_code, full.json()["code"]) == (429, "queue_full")
        assert "DARKROOM_MAX_QUEUED" in full.json()["detail"]
        proxy: dict[str, Any] = (await service.post("/mj/submit/imagine", json={"prompt": "a cat"})).json()
        assert proxy["code"] == 23
        assert "DARKROOM_MAX_QUEUED" in proxy["description"]
        assert (await service.with_key(BOB).post("/v1/jobs", json=JOB)).status_code == 202


async def test_metrics_are_closed_beyond_this_machine(make_settings: Callable[..., Settings]) -> None:
    async with started(make_settings(metrics_key="scrape-0123456789ab")) as service:
        anonymous = service.with_key(None)
        assert (await anonymous.get("/metrics")).status_code == 200
        for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):  # a proxy on this machine
            answers = [
                (await service.with_key(key).get("/metrics", headers={name: "a"})).status_code
                for key in (None, "wrong-wrong-wrong", ALICE, "admin-0123456789abcdef", "scrape-0123456789ab")
            ]
            assert answers == [401, 401, 403, 200, 200]
        remote = httpx.ASGITransport(service.app, client=("192.0.2.1", 1))
        async with httpx.AsyncClient(transport=remote, base_url="http://darkroom.test") as client:
            assert (await client.get("/metrics")).status_code == 401
            assert (await client.get("/healthz")).status_code == 200


async def test_metrics_can_be_opened(make_settings: Callable[..., Settings]) -> None:
    async with started(make_settings(metrics_public=True)) as service:
        anonymous = service.with_key(None)
        assert (await anonymous.get("/metrics", headers={"Via": "a"})).status_code == 200
