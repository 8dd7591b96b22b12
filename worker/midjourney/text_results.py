"""How a task ends whose result is a text: the prompts that describe a picture, or that shorten another."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from models.errors import DarkroomError
from models.ids import new_id
from models.midjourney.buttons import keycap
from models.midjourney.protocol import Action, TaskStatus
from worker.midjourney.numbered import before_the_list, numbered_prompts
from worker.services import Tools

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


async def described(tools: Tools, task: Row[Any], at: datetime) -> tuple[UUID | None, Sequence[Any]]:
    """Return which picture a description shows, and the row of its asset if it was brought for that.

    One that can't be brought is not shown: the description does not depend on it.
    """
    shown = task.request.get("shown")
    if not shown or task.action != Action.DESCRIBE:
        return None, ()
    if not shown.startswith(("http://", "https://")):
        return UUID(shown), ()
    try:
        stored = await tools.keeper.bring_url(shown)
    except DarkroomError:
        return None, ()
    row = {**asdict(stored), "id": new_id(), "caller_id": task.caller_id, "job_id": None, "position": 0}
    return row["id"], [row | {"token": secrets.token_urlsafe(18), "created_at": at}]
