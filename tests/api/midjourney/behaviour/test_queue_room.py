"""What clients send along is kept only with a task that is accepted."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from models.queries.callers import change_limits
from models.tables import assets
from tests.api.midjourney.actions_support import picture, press, single
from tests.api.midjourney.stack import MidjourneyStack, open_stack
from tests.api.midjourney.strict_types import rejected

RED, BLUE = picture(colour="red"), picture(colour="blue")
NO_PICTURE = "data:image/png;base64,AAAA"
PRIVATE = {"notifyHook": "http://10.0.0.1/x"}
VERBS: list[tuple[str, dict[str, Any]]] = [
    ("submit/imagine", {"prompt": "a cat", "base64Array": [RED, BLUE]}),
    ("submit/describe", {"base64": RED}),
    ("submit/blend", {"base64Array": [RED, BLUE]}),
    ("submit/edits", {"prompt": "a cat", "image": RED, "maskBase64": BLUE}),
    ("submit/retexture", {"prompt": "wood", "image": RED}),
    ("submit/video", {"prompt": "it runs", "image": RED, "endImage": BLUE}),
    ("insight-face/swap", {"sourceBase64": RED, "targetBase64": BLUE}),
]
HALF: list[tuple[str, str, dict[str, Any]]] = [
    ("submit/imagine", "base64Array.1", {"prompt": "a cat", "base64Array": [RED, NO_PICTURE]}),
    ("submit/edits", "maskBase64", {"prompt": "a cat", "image": RED, "maskBase64": NO_PICTURE}),
    ("submit/video", "endImage", {"prompt": "it runs", "image": RED, "endImage": NO_PICTURE}),
    ("submit/describe", "base64", {"base64": NO_PICTURE}),
    ("submit/upload-discord-images", "base64Array.1", {"base64Array": [RED, NO_PICTURE]}),
    ("insight-face/swap", "targetBase64", {"sourceBase64": RED, "targetBase64": NO_PICTURE}),
]


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


async def refused(stack: MidjourneyStack, path: str, code: int, **body: Any) -> str:
    """Submit what is refused with this code; return the reason."""
    answer = await stack.call("POST", f"/mj/{path}", json=body)
    rejected(answer.json(), code)
    reason: str = answer.json()["description"]
    return reason


async def kept(stack: MidjourneyStack) -> tuple[int, int]:
    """Count the rows of pictures, and the objects in storage."""
    async with stack.darkroom.services.database.reading() as connection:
        rows = await connection.scalar(select(func.count(assets.c.id))) or 0
    return rows, objects_in(Path(stack.service.services.settings.storage_url.removeprefix("file://")))


def objects_in(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*.*") if path.is_file())


async def test_a_submit_that_is_refused_keeps_no_picture(narrow: MidjourneyStack) -> None:
    for path, body in VERBS:
        await refused(narrow, path, 4, **body, **PRIVATE)
    for path, field, body in HALF:
        assert (await refused(narrow, path, 4, **body)).startswith(f"{field}: ")
    await narrow.number()
    for path, body in VERBS:
        await refused(narrow, path, 23, **body)
    assert await kept(narrow) == (0, 0)


async def test_a_submit_beyond_the_limit_of_a_key_keeps_no_picture(stack: MidjourneyStack) -> None:
    caller = await stack.service.services.authenticator.find(stack.service.key or "")
    assert caller is not None
    async with stack.service.services.database.writing() as connection:
        await change_limits(connection, caller.id, {"max_queued": 3})
    stack.service.services.authenticator.forget()
    await refused(stack, "submit/blend", 23, base64Array=[RED, BLUE])
    assert await kept(stack) == (0, 0)
    result = await stack.call("POST", "/mj/submit/retexture", json={"prompt": "wood", "image": RED})
    assert result.json()["code"] == 1
    assert await kept(stack) == (1, 1)


async def test_a_dialog_that_is_refused_keeps_no_mask(narrow: MidjourneyStack) -> None:
    waiting = (await press(narrow, await single(narrow), "Inpaint"))["result"]
    before = await kept(narrow)
    await refused(narrow, "submit/modal", 4, taskId=waiting, maskBase64=RED, **PRIVATE)
    await narrow.number()
    await refused(narrow, "submit/modal", 23, taskId=waiting, maskBase64=RED)
    assert await kept(narrow) == before
