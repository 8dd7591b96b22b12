"""JSON bodies that would take gigabytes or seconds are refused quickly, on each surface in its own shape."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Callable

import pytest

from api.web.json_text.structure import DEEPEST, MOST_NODES
from models.settings import Settings
from tests.api.conftest import started
from tests.api.service import JOB, Service
from tests.security.json_bombs import BOMBS

SIZE = 2**20  #: bytes
FACTOR = 6  #: of memory and size: the body is received, and its blocks are looked through


async def test_a_bomb_is_refused_before_it_is_parsed(service: Service) -> None:
    for name, (make, status) in BOMBS.items():
        content = make(SIZE)
        tracemalloc.start()
        try:
            answer = await service.post("/v1/jobs", content=content)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert answer.status_code == status, (name, answer.text)
        if answer.json()["code"] == "json_too_complex":
            assert peak < FACTOR * SIZE, name


async def test_the_limits_of_a_structure_are_named(service: Service) -> None:
    wide, deep = b"[" + b"0," * MOST_NODES + b"0]", b"[" * (DEEPEST + 1)
    for content, limit in ((wide, MOST_NODES), (deep, DEEPEST)):
        native = await service.post("/v1/jobs", content=content)
        assert native.status_code == 400
        assert f"{limit:,}" in native.json()["detail"]
        proxy = await service.post("/mj/submit/imagine", content=content)
        assert proxy.status_code == 400
        assert proxy.json()["code"] == 4
        assert f"{limit:,}" in proxy.json()["description"]


async def test_a_refused_body_is_freed_before_the_garbage_collector_runs(service: Service) -> None:
    content = BOMBS["lists and a NUL character"][0](8 * SIZE)
    headers = {"content-type": "application/json"}
    paths = ("/v1/jobs", "/mj/submit/imagine", "/v1/chat/completions", "/v1/images/edits", "/v1/responses")
    for path in paths:
        gc.collect()
        gc.disable()  # it runs rarely, and a body may have 60 MB
        tracemalloc.start()
        try:
            assert (await service.post(path, content=content, headers=headers)).status_code == 400, path
            for _ in range(5_000):  # the thread that parsed it ends its frames in its own time
                if tracemalloc.get_traced_memory()[0] < 2 * SIZE:
                    break
                await asyncio.sleep(0.001)
            else:
                pytest.fail(f"the body sent to {path} is still in memory")
        finally:
            tracemalloc.stop()
            gc.enable()


WITHOUT_IMAGES = [
    ("PUT", "/v1/campaigns/a"),
    ("PATCH", "/v1/campaigns/a"),
    ("POST", "/v1/jobs/release"),
    ("POST", "/v1/jobs/fail"),
    ("POST", "/v1/webhooks"),
    ("POST", "/mj/submit/action"),
    ("POST", "/mj/submit/change"),
    ("POST", "/mj/submit/simple-change"),
    ("POST", "/mj/submit/shorten"),
    ("POST", "/mj/task/list-by-condition"),
    ("POST", "/mj/task/query"),
]
WITH_IMAGES = [
    "/v1/jobs",
    "/mj/submit/imagine",
    "/mj/submit/blend",
    "/mj/submit/modal",
    "/mj/submit/describe",
]


async def test_a_body_that_can_carry_no_images_is_small(service: Service) -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(12):
            yield b" " * 100_000

    for method, path in WITHOUT_IMAGES:
        for content in (parts(), b" " * (2**20 + 1)):
            answer = await service.request(method, path, content=content)
            assert answer.status_code == 413, path
            assert "DARKROOM_JSON_LIMIT" in answer.text


async def test_a_body_that_may_carry_images_may_be_large(service: Service) -> None:
    for path in WITH_IMAGES:
        answer = await service.post(path, content=b'{"x": "%b"}' % (b"a" * 2**21))
        assert answer.status_code in (200, 422), path
        assert "larger than" not in answer.text


async def test_the_limits_can_be_set(make_settings: Callable[..., Settings]) -> None:
    async with started(make_settings(json_limit=100, request_body_limit=200)) as service:
        too_long = {"description": "a" * 100}
        assert (await service.post("/v1/webhooks", json=too_long)).status_code == 413
        answer = await service.post("/v1/jobs", json=JOB | {"prompt": "a" * 200})
        assert answer.status_code == 413
        assert "DARKROOM_REQUEST_BODY_LIMIT" in answer.json()["detail"]


async def test_many_wrong_members_are_refused_with_few_errors(service: Service) -> None:
    many = {f"x{number}": 0 for number in range(20_000)}
    parts = [{"role": "user", "content": [{"type": "text"}] * 20_000}]
    for fields in (many, {"tags": [0] * 20_000}, {"params": many}, {"retry": many}, {"messages": parts}):
        answer = await service.post("/v1/jobs", json=JOB | fields)
        assert answer.status_code == 422
        assert len(answer.content) < 10_000
