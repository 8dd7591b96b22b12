"""Edit calls: pictures go to the model with an instruction, and come back changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Row
from starlette.responses import Response

from api.midjourney.actions.follow_up import Follow
from api.midjourney.actions.imagine import parts_of_grid
from api.midjourney.actions.prompt_templates import Task, told
from api.midjourney.context import Asked
from api.midjourney.models import image_model
from api.midjourney.modes import mode_of
from api.midjourney.submit import PREPARE, NewTask, submit_jobs
from models.ids import public_id
from models.midjourney.protocol import Action, Bot


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What shall be done with which pictures; ``grid`` asks for as many results as an imagine has."""

    action: Action
    order: Task
    images: Sequence[str]
    description: str
    prompt: str | None
    words: str = ""  #: what the pictures show, for the model
    size: str | None = None
    grid: bool = False
    bot: Bot = Bot.MIDJOURNEY
    prepare: Mapping[str, Any] = field(default_factory=dict)  #: see ``worker.tasks.input_images``
    parent_id: int | None = None
    continues: int | None = None


def following(follow: Follow, picture: Row[Any], *, action: Action, order: Task, **more: Any) -> Edit:
    """Return an edit of a parent's picture."""
    parent = follow.parent
    usual: dict[str, Any] = {
        "images": [public_id("asset", picture.id)],
        "prompt": parent.prompt if follow.words is None else follow.words,
        "words": follow.wish.text,
        "size": follow.wish.size,
        "bot": Bot(parent.bot),
        "parent_id": parent.id,
        "continues": follow.continues,
        "description": f"/{order} {parent.id}",
    }
    return Edit(action=action, order=order, **usual | more)


def with_mask(edit: Edit, mask: str) -> Edit:
    """Return an edit of what is white in a mask."""
    return replace(edit, images=[*edit.images[:1], mask], prepare={"cut": True})


async def submit_edit(asked: Asked, edit: Edit, *, always_one: bool = False) -> Response:
    """Submit the calls of an edit. ``always_one``: never answer with code 22."""
    settings = asked.services.settings
    job: dict[str, Any] = {
        "model": image_model(settings, edit.bot),
        "prompt": told(edit.order, edit.words, most=settings.prompt_limit),
        "images": list(edit.images),
        "params": {},
    }
    job |= {"size": edit.size} if edit.size else {}
    job |= {PREPARE: dict(edit.prepare)} if edit.prepare else {}
    jobs = parts_of_grid(settings, job) if edit.grid else [job]
    task = NewTask(
        action=edit.action,
        prompt=edit.prompt,
        description=edit.description,
        bot=edit.bot,
        mode=mode_of(asked.segment, asked.body.wanted_mode, {}),
        request={**job, "wanted": settings.midjourney_grid if edit.grid else 1, "words": edit.words},
        parent_id=edit.parent_id,
        continues=edit.continues,
    )
    return await submit_jobs(asked, task, jobs, always_one=always_one)
