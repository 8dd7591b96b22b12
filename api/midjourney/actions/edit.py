"""Edit calls: pictures go to the model with an instruction, and come back changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator
from sqlalchemy import Row
from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.actions.follow_up import FollowUp, parent_of
from api.midjourney.actions.imagine import parts_of_grid
from api.midjourney.actions.prompt_templates import Task, filled
from api.midjourney.context import RequestContext, asked_for
from api.midjourney.image_inputs import take_picture
from api.midjourney.prompt import read_prompt, words_of
from api.midjourney.responses import SubmitError
from api.midjourney.schemas import Body
from api.midjourney.submit import PREPARE, NewTask, submit_jobs
from api.midjourney.translate import edit_of, image_model, mode_of
from models.ids import public_id
from models.midjourney.protocol import Action, Bot, Code


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


def following(follow: FollowUp, picture: Row[Any], *, action: Action, order: Task, **more: Any) -> Edit:
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


async def submit_edit(context: RequestContext, edit: Edit, *, always_one: bool = False) -> Response:
    """Submit the calls of an edit. ``always_one``: never answer with code 22."""
    settings = context.services.settings
    job: dict[str, Any] = {
        "model": image_model(settings, edit.bot),
        "prompt": filled(edit.order, edit.words, most=settings.prompt_limit),
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
        mode=mode_of(context.segment, context.body.wanted_mode, {}),
        request={**job, "wanted": settings.midjourney_grid if edit.grid else 1, "words": edit.words},
        parent_id=edit.parent_id,
        continues=edit.continues,
    )
    return await submit_jobs(context, task, jobs, always_one=always_one)


# edits, retexture and swap-face: pictures that clients bring, changed.


def _first(value: object) -> object:
    """Take the first of several pictures: some clients send a list."""
    return value[0] if isinstance(value, list) and value else value


class EditsBody(Body):
    """What edits takes: a picture of the client's or of a task, and perhaps a mask."""

    prompt: str | None = None
    image: Annotated[str | None, BeforeValidator(_first)] = None
    task_id: str | None = None
    mask_base64: str | None = None


class RetextureBody(Body):
    """What retexture takes."""

    prompt: str | None = None
    image: Annotated[str | None, BeforeValidator(_first)] = None


class SwapBody(Body):
    """What swap-face takes: whose face, and where it goes."""

    source_base64: str | None = None
    source_url: str | None = None
    target_base64: str | None = None
    target_url: str | None = None


async def edits(request: Request) -> Response:
    """Edit a picture, or what a mask shows of it."""
    context, body = await asked_for(request, EditsBody)
    prompt, mask = _prompt(context, body.prompt), (body.mask_base64 or "").strip()
    parent_id = None
    if given := (body.image or "").strip():
        picture = await take_picture(context, given, field="image")
    else:
        if not (body.task_id or "").strip():
            raise SubmitError(Code.INVALID, "image: must not be empty, unless taskId names a task")
        parent = await parent_of(context, body.task_id)
        if not parent.pictures or parent.action == Action.VIDEO:
            raise SubmitError(Code.INVALID, "This task has no picture.")
        picture, parent_id = public_id("asset", UUID(parent.pictures[0])), parent.id
    edit = _edit(Action.EDIT, Task.EDIT, prompt, [picture], bot=body.bot, parent_id=parent_id)
    if mask:
        masked = _edit(Action.EDIT, Task.EDIT_REGION, prompt, [picture], bot=body.bot, parent_id=parent_id)
        edit = with_mask(masked, await take_picture(context, mask, field="maskBase64"))
    return await submit_edit(context, edit)


async def retexture(request: Request) -> Response:
    """Keep a picture's shapes, and draw its surfaces anew."""
    context, body = await asked_for(request, RetextureBody)
    prompt, given = _prompt(context, body.prompt), (body.image or "").strip()
    if not given:
        raise SubmitError(Code.INVALID, "image: must not be empty")
    picture = await take_picture(context, given, field="image")
    return await submit_edit(
        context, _edit(Action.RETEXTURE, Task.RETEXTURE, prompt, [picture], bot=body.bot)
    )


async def swap_face(request: Request) -> Response:
    """Put the face of one picture into another."""
    context, body = await asked_for(request, SwapBody)
    source = (body.source_base64 or "").strip() or (body.source_url or "").strip()
    target = (body.target_base64 or "").strip() or (body.target_url or "").strip()
    if not source or not target:
        raise SubmitError(Code.INVALID, "sourceBase64 and targetBase64 must not be empty")
    if source == target:
        raise SubmitError(Code.INVALID, "sourceBase64 and targetBase64 are the same picture")
    images = [
        await take_picture(context, source, field="sourceBase64"),
        await take_picture(context, target, field="targetBase64"),
    ]
    return await submit_edit(
        context,
        _edit(Action.SWAP_FACE, Task.SWAP_FACE, "", images, bot=Bot.INSIGHT_FACE),
        always_one=True,
    )


def _prompt(context: RequestContext, given: str | None) -> str:
    if not (prompt := words_of(given, context.services.settings)):
        raise SubmitError(Code.INVALID, "prompt: must not be empty")
    return prompt


def _edit(
    action: Action, order: Task, prompt: str, images: list[str], *, bot: Bot, parent_id: int | None = None
) -> Edit:
    parameters = edit_of(read_prompt(prompt))
    return Edit(
        action=action,
        order=order,
        images=images,
        prompt=prompt,
        words=parameters.text,
        size=parameters.size,
        description=f"/{order} {prompt}".strip(),
        bot=bot,
        parent_id=parent_id,
    )
