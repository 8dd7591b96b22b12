"""How a task ends whose result is a text: the prompts that describe a picture, or that shorten another."""

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

# Prompts in a model's words: a numbered list, however it is numbered, and what stands around it.

_MARK = re.compile(
    r"^[ \t>#*_`]*(?:(?:prompt|option|version|提示词?)[ \t#]*)?"
    r"(?:\d{1,2}[ \t]*(?:[.)、:：．]|\ufe0f?\u20e3)|[①②③④⑤⑥⑦⑧⑨])(?![\d])[ \t*_`:：]*",
    re.IGNORECASE | re.MULTILINE,
)
_BULLET = re.compile(r"^[ \t>]*[-*•][ \t]+", re.MULTILINE)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_DRESS = " \t\r\n*_`\"'“”「」"
_LONGEST = 4000  # characters of one prompt


def numbered_prompts(text: str, most: int) -> list[str]:
    """Return the prompts of a numbered list, or of a bulleted one; a text without either is one prompt."""
    text = text.replace("\r\n", "\n").strip()
    found = _items(text, _MARK) or _items(text, _BULLET) or [_plain(text)]
    return [prompt for prompt in found if prompt][:most]


def before_the_list(text: str) -> str:
    """Return what stands before the first numbered line."""
    first = _MARK.search(text)
    return text[: first.start()].strip() if first else ""


def _items(text: str, mark: re.Pattern[str]) -> list[str]:
    starts = list(mark.finditer(text))
    ends = [*(start.start() for start in starts[1:]), len(text)][: len(starts)]
    pieces = (text[start.end() : end].strip() for start, end in zip(starts, ends, strict=True))
    return [prompt for piece in pieces if (prompt := _first_paragraph(piece))]


def _first_paragraph(piece: str) -> str:
    """Return an item without the remarks that may follow it after a blank line."""
    return _plain(_BLANK_LINE.split(piece, maxsplit=1)[0])


def _plain(text: str) -> str:
    return " ".join(text.split()).strip(_DRESS)[:_LONGEST]


_DESCRIBED, _SHORTENED = 4, 5  # prompts at most
_HEADS = ("## Important tokens", "## Shortened prompts")


def text_changes(task: Row[Any], text: str) -> Mapping[str, Any] | None:
    """Return what a task becomes by a model's words, or ``None`` if they have no prompt in them."""
    describes = task.action == Action.DESCRIBE
    picks = numbered_prompts(text, _DESCRIBED if describes else _SHORTENED)
    if not picks:
        return None
    listed = "\n\n".join(f"{keycap(number)} {prompt}" for number, prompt in enumerate(picks, 1))
    final = listed if describes else _shortened(text, listed)
    changes = {
        "outcome": TaskStatus.SUCCESS.value,
        "request": {**task.request, "picks": picks},
        "properties": {**task.properties, "finalPrompt": final, "finalZhPrompt": ""},
    }
    return changes | ({"prompt": final} if describes else {})


def _shortened(text: str, listed: str) -> str:
    tokens = before_the_list(text).removeprefix("Tokens:").strip()
    return f"{_HEADS[0]}\n{tokens}\n\n{_HEADS[1]}\n{listed}" if tokens else f"{_HEADS[1]}\n{listed}"


async def described(
    services: WorkerServices, task: Row[Any], at: datetime
) -> tuple[UUID | None, Sequence[NewAsset]]:
    """Return which picture a description shows, and its asset if it was brought for that.

    One that can't be brought is not shown: the description does not depend on it.
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
