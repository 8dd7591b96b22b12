"""CORS of the native API: only pages of listed origins may call it."""

from collections.abc import AsyncIterator, Callable

import pytest

from models.settings import Settings
from tests.api.conftest import started
from tests.api.service import JOB, Service

ORIGIN = "https://app.example"
ASKED = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
}


@pytest.fixture
async def open_service(make_settings: Callable[..., Settings]) -> AsyncIterator[Service]:
    async with started(make_settings(cors_origins=f"{ORIGIN}, http://localhost:5173")) as running:
        yield running


async def test_a_preflight_of_a_listed_origin_is_answered(open_service: Service) -> None:
    answer = await open_service.with_key(None).request("OPTIONS", "/v1/jobs", headers=ASKED)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert "idempotency-key" in answer.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in answer.headers
    other = await open_service.request(
        "OPTIONS", "/v1/jobs", headers=ASKED | {"Origin": "https://evil.example"}
    )
    assert "access-control-allow-origin" not in other.headers


async def test_a_page_of_a_listed_origin_may_read_responses_and_errors(open_service: Service) -> None:
    good = await open_service.post("/v1/jobs", json=JOB, headers={"Origin": ORIGIN})
    wrong = await open_service.post("/v1/jobs", json={}, headers={"Origin": ORIGIN})
    keyless = await open_service.with_key(None).get("/v1/jobs", headers={"Origin": ORIGIN})
    assert [each.status_code for each in (good, wrong, keyless)] == [202, 422, 401]
    for each in (good, wrong, keyless):
        assert each.headers["access-control-allow-origin"] == ORIGIN
        exposed = each.headers["access-control-expose-headers"]
        assert {"Retry-After", "Location", "X-Request-Id"} <= set(exposed.split(", "))
        assert "Origin" in each.headers["vary"]
    other = await open_service.get("/v1/jobs", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


async def test_other_surfaces_and_images_keep_their_own_rules(open_service: Service) -> None:
    image = await open_service.get("/assets/none-of-this-exists/0.png", headers={"Origin": ORIGIN})
    assert image.headers["access-control-allow-origin"] == "*"
    midjourney = await open_service.get("/mj/task/1/fetch", headers={"Origin": ORIGIN})
    assert midjourney.headers["access-control-allow-origin"] == "*"


async def test_without_the_setting_no_page_may_call_it(service: Service) -> None:
    answer = await service.request("OPTIONS", "/v1/jobs", headers=ASKED)
    assert answer.status_code == 405
    assert "access-control-allow-origin" not in answer.headers
