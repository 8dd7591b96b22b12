"""edits, retexture and swap-face; and the edit calls of all actions: images with an instruction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator
from sqlalchemy import Row
from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.actions.follow_up import FollowUp, parent_of
from api.midjourney.actions.prompt_templates import PromptTemplate, render_prompt
from api.midjourney.context import RequestContext, request_context
from api.midjourney.image_inputs import take_image
from api.midjourney.job_specs import JobSpec, grid_of, image_model
from api.midjourney.prompt import parse_prompt, required_prompt
from api.midjourney.responses import SubmitError
from api.midjourney.schemas import Body, Prompt
from api.midjourney.submit import NewTask, submit_jobs
from api.midjourney.translate import edit_parameters
from models.ids import public_id
from models.midjourney.protocol import Action, Bot, Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """An edit: input images, instruction and result."""

    action: Action
    template: PromptTemplate
    images: Sequence[str]
    description: str
    prompt: str | None
    text: str = ""  #: what the images show, for the model
    size: str | None = None
    grid: bool = False  #: as many results as an imagine has, instead of one
    bot: Bot = Bot.MIDJOURNEY
    prepare: Mapping[str, Any] = field(default_factory=dict)  #: see ``worker.tasks.input_images``
    parent_id: int | None = None
    dialog_task_id: int | None = None


def edit_of_parent(follow_up: FollowUp, image: Row[Any], *, action: Action, template: PromptTemplate) -> Edit:
    """Return an edit of a parent's image."""
    parent, parameters = follow_up.parent, follow_up.parameters
    return Edit(
        action=action,
        template=template,
        images=[public_id("asset", image.id)],
        prompt=parent.prompt if follow_up.prompt is None else follow_up.prompt,
        text=parameters.text,
        size=parameters.size,
        bot=Bot(parent.bot),
        parent_id=parent.id,
        dialog_task_id=follow_up.dialog_task_id,
        description=f"/{template} {parent.id}",
    )


def with_mask(edit: Edit, mask: str) -> Edit:
    """Return an edit of the white part of a mask."""
    return replace(edit, images=[*edit.images[:1], mask], prepare={"cut": True})


async def submit_edit(context: RequestContext, edit: Edit, *, always_one: bool = False) -> Response:
    """Submit the calls of an edit. ``always_one``: never answer with code 22. Raises ``SubmitError``."""
    settings = context.services.settings
    spec = JobSpec(
        model=image_model(settings, edit.bot),
        prompt=render_prompt(edit.template, edit.text, limit=settings.prompt_limit),
        images=tuple(edit.images),
        size=edit.size,
        prepare=edit.prepare or None,
    )
    task = NewTask(
        action=edit.action,
        prompt=edit.prompt,
        description=edit.description,
        bot=edit.bot,
        mode=context.mode(),
        request={
            **spec.to_json(),
            "wanted": settings.midjourney_grid if edit.grid else 1,
            "words": edit.text,
        },
        parent_id=edit.parent_id,
        dialog_task_id=edit.dialog_task_id,
    )
    specs = [grid_of(settings, spec) if edit.grid else spec]
    return await submit_jobs(context, task, specs, always_one=always_one)


def _first(value: object) -> object:
    """Return the first of several images: some clients send a list."""
    return value[0] if isinstance(value, list) and value else value


class EditsBody(Body):
    """Body of edits: an image of the client or of a task, and optionally a mask."""

    prompt: Prompt = None
    image: Annotated[str | None, BeforeValidator(_first)] = None
    task_id: str | None = None
    mask_base64: str | None = None


class RetextureBody(Body):
    """Body of retexture."""

    prompt: Prompt = None
    image: Annotated[str | None, BeforeValidator(_first)] = None


class SwapBody(Body):
    """Body of swap-face: the face of ``source`` goes into ``target``."""

    source_base64: str | None = None
    source_url: str | None = None
    target_base64: str | None = None
    target_url: str | None = None


async def edits(request: Request) -> Response:
    """Edit an image, or the white part of its mask."""
    context, body = await request_context(request, EditsBody)
    prompt = required_prompt(body.prompt, context.services.settings)
    image, parent_id = await _edited_image(context, body)
    mask = (body.mask_base64 or "").strip()
    edit = _edit(
        Action.EDIT,
        PromptTemplate.EDIT_REGION if mask else PromptTemplate.EDIT,
        prompt,
        [image],
        bot=body.bot,
        parent_id=parent_id,
    )
    if mask:
        edit = with_mask(edit, await take_image(context, mask, field="maskBase64"))
    return await submit_edit(context, edit)


async def _edited_image(context: RequestContext, body: EditsBody) -> tuple[str, int | None]:
    """Return the client's image, or a task's first one with the task's id. Raises ``SubmitError``."""
    if given := (body.image or "").strip():
        return await take_image(context, given, field="image"), None
    if not (body.task_id or "").strip():
        raise SubmitError(Code.INVALID, "image: must not be empty, unless taskId names a task")
    parent = await parent_of(context, body.task_id)
    if not parent.pictures or parent.action == Action.VIDEO:
        raise SubmitError(Code.INVALID, "This task has no picture.")
    return public_id("asset", UUID(parent.pictures[0])), parent.id


async def retexture(request: Request) -> Response:
    """Draw an image's surfaces anew, and leave its shapes."""
    context, body = await request_context(request, RetextureBody)
    prompt = required_prompt(body.prompt, context.services.settings)
    given = (body.image or "").strip()
    if not given:
        raise SubmitError(Code.INVALID, "image: must not be empty")
    image = await take_image(context, given, field="image")
    edit = _edit(Action.RETEXTURE, PromptTemplate.RETEXTURE, prompt, [image], bot=body.bot)
    return await submit_edit(context, edit)


async def swap_face(request: Request) -> Response:
    """Put the face of one image into another."""
    context, body = await request_context(request, SwapBody)
    source = (body.source_base64 or "").strip() or (body.source_url or "").strip()
    target = (body.target_base64 or "").strip() or (body.target_url or "").strip()
    if not source or not target:
        raise SubmitError(Code.INVALID, "sourceBase64 and targetBase64 must not be empty")
    if source == target:
        raise SubmitError(Code.INVALID, "sourceBase64 and targetBase64 are the same picture")
    images = [
        await take_image(context, source, field="sourceBase64"),
        await take_image(context, target, field="targetBase64"),
    ]
    edit = _edit(Action.SWAP_FACE, PromptTemplate.SWAP_FACE, "", images, bot=Bot.INSIGHT_FACE)
    return await submit_edit(context, edit, always_one=True)


def _edit(
    action: Action,
    template: PromptTemplate,
    prompt: str,
    images: list[str],
    *,
    bot: Bot,
    parent_id: int | None = None,
) -> Edit:
    parameters = edit_parameters(parse_prompt(prompt))
    return Edit(
        action=action,
        template=template,
        images=images,
        prompt=prompt,
        text=parameters.text,
        size=parameters.size,
        description=f"/{template} {prompt}".strip(),
        bot=bot,
        parent_id=parent_id,
    )
