"""Submits: codes of the queue, and images that are stored only with an accepted task."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from models.queries.callers import change_limits
from models.states import JobStatus
from models.tables import assets
from tests.api.midjourney.actions_support import picture, press_button, single
from tests.api.midjourney.stack import MidjourneyStack, open_stack
from tests.api.midjourney.strict_types import accepted, rejected

RED, BLUE = picture(colour="red"), picture(colour="blue")
NO_PICTURE = "data:image/png;base64,AAAA"


HALF: list[tuple[str, str, dict[str, Any]]] = [
    ("submit/imagine", "base64Array.1", {"prompt": "a cat", "base64Array": [RED, NO_PICTURE]}),
    ("submit/edits", "maskBase64", {"prompt": "a cat", "image": RED, "maskBase64": NO_PICTURE}),
    ("submit/video", "endImage", {"prompt": "it runs", "image": RED, "endImage": NO_PICTURE}),
    ("submit/describe", "base64", {"base64": NO_PICTURE}),
    ("submit/upload-discord-images", "base64Array.1", {"base64Array": [RED, NO_PICTURE]}),
    ("insight-face/swap", "targetBase64", {"sourceBase64": RED, "targetBase64": NO_PICTURE}),
]


VERBS: list[tuple[str, dict[str, Any]]] = [
    ("submit/imagine", {"prompt": "a cat", "base64Array": [RED, BLUE]}),
    ("submit/describe", {"base64": RED}),
    ("submit/blend", {"base64Array": [RED, BLUE]}),
    ("submit/edits", {"prompt": "a cat", "image": RED, "maskBase64": BLUE}),
    ("submit/retexture", {"prompt": "wood", "image": RED}),
    ("submit/video", {"prompt": "it runs", "image": RED, "endImage": BLUE}),
    ("insight-face/swap", {"sourceBase64": RED, "targetBase64": BLUE}),
]


PRIVATE = {"notifyHook": "http://10.0.0.1/x"}


def objects_in(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*.*") if path.is_file())


async def stored(stack: MidjourneyStack) -> tuple[int, int]:
    """Count the assets, and the objects in storage."""
    async with stack.darkroom.services.database.reading() as connection:
        rows = await connection.scalar(select(func.count(assets.c.id))) or 0
    return rows, objects_in(Path(stack.service.services.settings.storage_url.removeprefix("file://")))


async def refused(stack: MidjourneyStack, path: str, code: int, **body: Any) -> str:
    """Submit what is refused with this code; return the reason."""
    answer = await stack.call("POST", f"/mj/{path}", json=body)
    rejected(answer.json(), code)
    reason: str = answer.json()["description"]
    return reason


@pytest.fixture
async def narrow(plain_database_url: str, tmp_path: Path) -> AsyncIterator[MidjourneyStack]:
    """A stack with all models, where one task may wait."""
    settings: dict[str, Any] = {
        "midjourney_text_model": "practice-text",
        "midjourney_video_model": "practice-video",
        "midjourney_queue": 1,
    }
    async with open_stack(plain_database_url, tmp_path, **settings) as opened:
        yield opened


ONE_AT_ONCE: dict[str, Any] = {"upstream_concurrency": 4}
"""A channel that takes the calls of one task."""

BAD_HOOKS = ["ftp://a/b", "http://10.0.0.1/x", "nothing", "http://u:p@example.com/"]


async def test_22_says_how_many_tasks_are_ahead(plain_database_url: str, tmp_path: Path) -> None:
    async with open_stack(plain_database_url, tmp_path, **ONE_AT_ONCE) as stack:
        assert (await stack.submit("imagine", prompt="first"))["code"] == 1
        second = await stack.submit("imagine", prompt="second")

        assert (second["code"], second["properties"]["numberOfQueues"]) == (22, 1)
        waiting = await stack.fetch(accepted(second))
        assert waiting["properties"]["numberOfQueues"] == 1
        await stack.work()
        await stack.work()
        assert (await stack.submit("imagine", prompt="third"))["code"] == 1


async def test_22_is_replaced_by_1_if_the_settings_say_so(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, midjourney_always_one=True, **ONE_AT_ONCE) as stack:
        await stack.number()
        second = await stack.submit("imagine", prompt="second")

        assert (second["code"], second["properties"]["numberOfQueues"]) == (1, 1)


async def test_23_is_returned_for_concurrent_submits_beyond_the_limit(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_stack(plain_database_url, tmp_path, midjourney_queue=3) as stack:
        envelopes = await asyncio.gather(*(stack.submit("imagine", prompt=f"{n}") for n in range(6)))
        codes = sorted(envelope["code"] for envelope in envelopes)

        assert codes[3:] == [23, 23, 23]
        for envelope in envelopes:
            if envelope["code"] == 23:
                rejected(envelope, 23)
        assert len(await stack.jobs()) == 12
        assert len((await stack.call("GET", "/mj/task/queue")).json()) == 3
        await stack.work()
        accepted(await stack.submit("imagine", prompt="again"))


async def test_a_refused_submit_stores_no_image(narrow: MidjourneyStack) -> None:
    for path, body in VERBS:
        await refused(narrow, path, 4, **body, **PRIVATE)
    for path, field, body in HALF:
        assert (await refused(narrow, path, 4, **body)).startswith(f"{field}: ")
    await narrow.number()
    for path, body in VERBS:
        await refused(narrow, path, 23, **body)
    assert await stored(narrow) == (0, 0)


async def test_a_submit_beyond_the_limit_of_a_key_stores_no_image(stack: MidjourneyStack) -> None:
    caller = (await stack.service.services.authenticator.check(stack.service.key or "")).caller
    assert caller is not None
    async with stack.service.services.database.writing() as connection:
        await change_limits(connection, caller.id, {"max_queued": 3})
    stack.service.services.authenticator.forget()
    await refused(stack, "submit/blend", 23, base64Array=[RED, BLUE])
    assert await stored(stack) == (0, 0)
    result = await stack.call("POST", "/mj/submit/retexture", json={"prompt": "wood", "image": RED})
    assert result.json()["code"] == 1
    assert await stored(stack) == (1, 1)


async def test_a_refused_dialog_stores_no_mask(narrow: MidjourneyStack) -> None:
    waiting = (await press_button(narrow, await single(narrow), "Inpaint"))["result"]
    before = await stored(narrow)
    await refused(narrow, "submit/modal", 4, taskId=waiting, maskBase64=RED, **PRIVATE)
    await narrow.number()
    await refused(narrow, "submit/modal", 23, taskId=waiting, maskBase64=RED)
    assert await stored(narrow) == before


async def test_a_held_job_fails_its_task(
    stack: MidjourneyStack,
) -> None:
    number = await stack.number()

    assert {job.on_unknown for job in await stack.jobs()} == {"fail"}
    for job in await stack.jobs():
        await stack.force(job.id, JobStatus.HELD)
    await stack.complete()
    assert (await stack.fetch(number))["status"] == "FAILURE"


async def test_the_seeds_of_a_grid_wrap_around_at_32_bits(stack: MidjourneyStack) -> None:
    await stack.number(prompt=f"a cat --seed {2**32 - 2}")

    seeds = [job.request["params"]["seed"] for job in await stack.jobs()]
    assert sorted(seeds) == [0, 1, 2**32 - 2, 2**32 - 1]


async def test_an_invalid_notify_hook_is_refused(stack: MidjourneyStack) -> None:
    for hook in BAD_HOOKS:
        envelope = await stack.submit("imagine", prompt="a cat", notifyHook=hook)

        assert (envelope["code"], envelope["result"]) == (4, None)
        assert not await stack.jobs()
