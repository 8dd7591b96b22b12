"""Code 24: banned words in the prompt of any action."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from models.tables import assets
from tests.api.midjourney.actions_support import picture, press_button, single
from tests.api.midjourney.stack import MidjourneyStack, open_stack
from tests.api.midjourney.strict_types import rejected

SETTINGS: dict[str, Any] = {
    "midjourney_banned_words": ("Gore", "blue wolf", "watercolour"),
    "midjourney_text_model": "practice-text",
    "midjourney_video_model": "practice-video",
}
VERBS: list[tuple[str, dict[str, Any]]] = [
    ("imagine", {"base64Array": [picture()]}),
    ("shorten", {}),
    ("edits", {"image": picture()}),
    ("retexture", {"image": picture()}),
    ("video", {"image": picture()}),
]


@pytest.fixture
async def strict(sqlite_url: str, tmp_path: Path) -> AsyncIterator[MidjourneyStack]:
    """A stack that bans words."""
    async with open_stack(sqlite_url, tmp_path, **SETTINGS) as opened:
        yield opened


def banned(envelope: dict[str, Any], word: str, prompt: str) -> None:
    rejected(envelope, 24)
    assert envelope["properties"] == {"promptEn": prompt, "bannedWord": word}
    assert "confirm" not in envelope["description"]


@pytest.mark.parametrize(("verb", "body"), VERBS, ids=[verb for verb, _ in VERBS])
async def test_a_prompt_with_a_banned_word_is_refused_and_nothing_is_stored(
    strict: MidjourneyStack, verb: str, body: dict[str, Any]
) -> None:
    banned(await strict.submit(verb, prompt=" much GORE, red ", **body), "Gore", "much GORE, red")
    assert not await strict.jobs()
    assert (await strict.call("GET", "/mj/task/list")).json() == []
    async with strict.darkroom.services.database.reading() as connection:
        assert await connection.scalar(select(func.count(assets.c.id))) == 0


async def test_a_dialog_waits_on_after_a_banned_word(strict: MidjourneyStack) -> None:
    task = await single(strict)
    waiting = (await press_button(strict, task, "CustomZoom"))["result"]
    prompt = "a Blue  Wolf --zoom 2"
    banned(await strict.submit("modal", taskId=waiting, prompt=prompt), "blue wolf", prompt)
    assert (await strict.fetch(waiting))["status"] == "MODAL"
    assert (await strict.submit("modal", taskId=waiting, prompt="a wolf --zoom 2"))["code"] == 1


async def test_banned_words_in_suggested_prompts_are_found(strict: MidjourneyStack) -> None:
    task = await strict.done("shorten", prompt="a very long prompt [deliver markdown_url]")
    waiting = (await press_button(strict, task, "PromptAnalyzer::2"))["result"]
    suggested = (await strict.fetch(waiting))["properties"]["finalPrompt"]
    assert "watercolour" in suggested
    banned(await strict.submit("modal", taskId=waiting), "watercolour", suggested)


async def test_other_prompts_are_drawn(strict: MidjourneyStack) -> None:
    assert (await strict.done("imagine", prompt="gorey, blue and a wolf"))["status"] == "SUCCESS"
