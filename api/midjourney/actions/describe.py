"""describe and shorten: words about a picture, and fewer words for a prompt. A text model answers."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.actions.prompt_templates import Task, filled
from api.midjourney.context import RequestContext, asked_for
from api.midjourney.image_inputs import take_picture
from api.midjourney.prompt import words_of
from api.midjourney.responses import SubmitError
from api.midjourney.schemas import Body
from api.midjourney.submit import NewTask, submit_jobs
from api.midjourney.translate import mode_of
from models.ids import parse_id
from models.midjourney.protocol import Action, Code
from models.request import TEXT


class DescribeBody(Body):
    """What describe takes: a picture, or its address."""

    base64: str | None = None
    link: str | None = None


class ShortenBody(Body):
    """What shorten takes."""

    prompt: str | None = None


async def describe(request: Request) -> Response:
    """Write four prompts for a picture."""
    context, body = await asked_for(request, DescribeBody)
    picture = (body.base64 or "").strip() or (body.link or "").strip()
    if not picture:
        raise SubmitError(Code.INVALID, "base64: must not be empty")
    model = _text_model(context, "describe")
    kept = await take_picture(context, picture, field="base64")
    shown = str(parse_id("asset", kept)) if kept.startswith("asset_") else kept
    job = _job(context, model, Task.DESCRIBE, "", [kept])
    return await _submit(context, Action.DESCRIBE, None, "/describe", job, shown=shown)


async def shorten(request: Request) -> Response:
    """Write five shorter versions of a prompt."""
    context, body = await asked_for(request, ShortenBody)
    prompt = words_of(body.prompt, context.services.settings)
    if not prompt:
        raise SubmitError(Code.INVALID, "prompt: must not be empty")
    job = _job(context, _text_model(context, "shorten"), Task.SHORTEN, prompt, [])
    return await _submit(context, Action.SHORTEN, prompt, f"/shorten {prompt}", job)


def _text_model(context: RequestContext, verb: str) -> str:
    model = context.services.settings.midjourney_text_model
    if model is None:
        words = f"{verb} needs a text model: set DARKROOM_MIDJOURNEY_TEXT_MODEL and start again."
        raise SubmitError(Code.INVALID, words)
    return model


def _job(context: RequestContext, model: str, order: Task, words: str, images: list[str]) -> dict[str, Any]:
    prompt = filled(order, words, most=context.services.settings.prompt_limit)
    return {"model": model, "prompt": prompt, "images": images, "params": {}, "wants": TEXT}


async def _submit(
    context: RequestContext, action: Action, prompt: str | None, words: str, job: dict[str, Any], **aside: Any
) -> Response:
    task = NewTask(
        action=action,
        prompt=prompt,
        description=words,
        bot=context.body.bot,
        mode=mode_of(context.segment, context.body.wanted_mode, {}),
        request={**job, **aside},
    )
    return await submit_jobs(context, task, [job])
