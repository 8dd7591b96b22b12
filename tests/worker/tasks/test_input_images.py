"""Input images of a job, in the form in which its provider takes them."""

import base64
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from models.errors import InvalidRequest
from models.ids import new_id, public_id
from tests.support.darkroom import open_darkroom
from tests.worker.leased import leased_job
from worker.images.decode_process import DecodeProcess
from worker.images.inspection import inspect
from worker.memory_budget import MemoryBudget
from worker.practice.drawing.png import noise_png, tiny_png
from worker.practice.server import start_practice
from worker.tasks.input_images import InputImageCache, image_request, prepare_images


def data_url(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def size_of(url: str) -> tuple[int | None, int | None]:
    info = inspect(base64.b64decode(url.partition(",")[2]))
    return info.width, info.height


async def test_margins_place_the_first_image_on_a_larger_canvas_and_leave_the_others() -> None:
    first, second = data_url(noise_png("a cat", 1)), data_url(tiny_png("a hat", 0))
    width, height = size_of(first)
    assert width is not None
    margins = {"left": 0.5, "right": 0.5, "top": 0.0, "bottom": 0.0}
    padded, left = await prepare_images(DecodeProcess(), [first, second], {"margins": margins})
    assert (size_of(padded), left) == ((width * 2, height), second)


async def test_a_cut_adds_the_first_image_with_the_masked_part_cut_out() -> None:
    image, mask = data_url(noise_png("a cat", 1)), data_url(tiny_png("a hat", 0))
    *given, cut = await prepare_images(DecodeProcess(), [image, mask], {"cut": True})
    assert given == [image, mask]
    assert size_of(cut) == size_of(image)


async def test_an_asset_that_is_gone_fails_the_request(plain_database_url: str, tmp_path: Path) -> None:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as darkroom:
        job = leased_job(request={"images": [public_id("asset", new_id())], "params": {}})
        preset = darkroom.services.routes["upstream"].preset
        with pytest.raises(InvalidRequest, match="is gone"):
            await image_request(darkroom.services, job, preset, memory=MemoryBudget(1).reservation())


async def test_a_mask_of_another_size_than_the_first_image_fails_the_request_before_its_call(
    plain_database_url: str, tmp_path: Path
) -> None:
    async def send(request: web.Request) -> web.Response:
        png = noise_png("a cat", 1) if request.path == "/cat.png" else tiny_png("a mask", 0)
        return web.Response(body=png, content_type="image/png")

    app = web.Application()
    app.router.add_get("/{name}", send)
    async with (
        TestServer(app) as pictures,
        open_darkroom(plain_database_url, tmp_path, practice={}) as darkroom,
    ):
        images = [str(pictures.make_url(path)) for path in ("/cat.png", "/mask.png")]
        job = leased_job(request={"images": images, "mask": 1, "params": {}})
        preset = darkroom.services.routes["upstream"].preset
        with pytest.raises(InvalidRequest, match="has 1x1 pixels, but the first picture has"):
            await image_request(darkroom.services, job, preset, memory=MemoryBudget(1).reservation())


async def test_the_cache_forgets_the_images_of_a_job_whose_call_is_sent() -> None:
    cache, job_id = InputImageCache({}), new_id()
    cache.by_job[job_id] = {}
    cache.forget(job_id)
    cache.forget(job_id)
    assert cache.by_job == {}


async def test_an_input_image_that_is_slow_to_fetch_costs_one_start_and_not_every_start(
    plain_database_url: str, tmp_path: Path
) -> None:
    async def slowly(request: web.Request) -> web.Response:
        darkroom.clock.forward(seconds=3)
        return web.Response(body=tiny_png("a hat", 0), content_type="image/png")

    app = web.Application()
    app.router.add_get("/hat.png", slowly)
    async with (
        await start_practice(picture="tiny", deliver="markdown_data", interval=0) as practice,
        TestServer(app) as pictures,
    ):
        one: dict[str, Any] = {"name": "one", "base_url": practice.url, "models": ["*"], "rpm": 60}
        one |= {"api_key": "practice-key-practice", "inline_images": True}
        settings = {"channels": [one], "upstream_base_url": None}
        async with open_darkroom(plain_database_url, tmp_path, practice={}, **settings) as darkroom:
            worker, caller = await darkroom.worker(), await darkroom.caller()
            request = {"images": [str(pictures.make_url("/hat.png"))], "params": {}}
            job_id = await darkroom.submit(caller, request=request)
            for _ in range(2):
                await worker.run_round()
                darkroom.clock.forward(seconds=2)
            assert (await darkroom.job(job_id)).status == "succeeded"
            assert worker.context.input_images.by_job == {}
