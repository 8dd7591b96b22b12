"""Text results: parse the prompts that a text model has written for describe and shorten."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from models.errors import DarkroomError
from models.midjourney.buttons import keycap
from models.midjourney.protocol import Action, TaskStatus
from models.queries.assets import NewAsset
from worker.services import WorkerServices

_MARK = re.compile(
    r"^[ \t>#*_`]*(?:(?:prompt|option|version|提示词?)[ \t#]*)?"
    r"(?:\d{1,2}[ \t]*(?:[.)、:：．]|\ufe0f?\u20e3)|[①②③④⑤⑥⑦⑧⑨])(?![\d])[ \t*_`:：]*",
    re.IGNORECASE | re.MULTILINE,
)
_BULLET = re.compile(r"^[ \t>]*[-*•][ \t]+", re.MULTILINE)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_DECORATION = " \t\r\n*_`\"'“”「」"
_MAX_PROMPT = 4000  # characters
_MAX_DESCRIBED, _MAX_SHORTENED = 4, 5  # prompts
_TOKENS_HEADING, _PROMPTS_HEADING = "## Important tokens", "## Shortened prompts"


def text_result_columns(task: Row[Any], text: str) -> Mapping[str, Any] | None:
    """Return the columns of a task that ends with a model's text, or ``None`` if it has no prompt in it."""
    describes = task.action == Action.DESCRIBE
    prompts = numbered_prompts(text, _MAX_DESCRIBED if describes else _MAX_SHORTENED)
    if not prompts:
        return None
    listed = "\n\n".join(f"{keycap(number)} {prompt}" for number, prompt in enumerate(prompts, 1))
    final = listed if describes else _shorten_result(text, listed)
    columns = {
        "outcome": TaskStatus.SUCCESS.value,
        "request": {**task.request, "picks": prompts},
        "properties": {**task.properties, "finalPrompt": final, "finalZhPrompt": ""},
    }
    return columns | ({"prompt": final} if describes else {})


async def description_image(
    services: WorkerServices, task: Row[Any], at: datetime
) -> tuple[UUID | None, Sequence[NewAsset]]:
    """Return the asset id of a described image, and a new asset if it was fetched from its URL.

    An image that can't be fetched is not shown: the description does not depend on it.
    """
    shown = task.request.get("shown")
    if not shown or task.action != Action.DESCRIBE:
        return None, ()
    if not shown.startswith(("http://", "https://")):
        return UUID(shown), ()
    try:
        stored = await services.asset_store.store_url(shown)
    except DarkroomError:
        return None, ()
    asset = stored.as_asset(caller_id=task.caller_id, at=at)
    return asset.id, [asset]


def numbered_prompts(text: str, limit: int) -> list[str]:
    """Return the items of a numbered or bulleted list; a text without either is one prompt."""
    text = text.replace("\r\n", "\n").strip()
    prompts = _items(text, _MARK) or _items(text, _BULLET) or [_plain(text)]
    return [prompt for prompt in prompts if prompt][:limit]


def text_before_list(text: str) -> str:
    """Return the text before the first numbered line; empty without one."""
    first = _MARK.search(text)
    return text[: first.start()].strip() if first else ""


def _shorten_result(text: str, listed: str) -> str:
    tokens = text_before_list(text).removeprefix("Tokens:").strip()
    prompts = f"{_PROMPTS_HEADING}\n{listed}"
    return f"{_TOKENS_HEADING}\n{tokens}\n\n{prompts}" if tokens else prompts


def _items(text: str, mark: re.Pattern[str]) -> list[str]:
    marks = list(mark.finditer(text))
    ends = [*(match.start() for match in marks[1:]), len(text)][: len(marks)]
    items = (text[match.end() : end].strip() for match, end in zip(marks, ends, strict=True))
    return [prompt for item in items if (prompt := _first_paragraph(item))]


def _first_paragraph(item: str) -> str:
    """Return an item without remarks that follow it after a blank line."""
    return _plain(_BLANK_LINE.split(item, maxsplit=1)[0])


def _plain(text: str) -> str:
    return " ".join(text.split()).strip(_DECORATION)[:_MAX_PROMPT]
