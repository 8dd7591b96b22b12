"""describe and shorten: words about a picture, and fewer words for a prompt. A text model answers."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.actions.prompt_templates import Task, told
from api.midjourney.context import Asked, asked_for
from api.midjourney.image_inputs import take_picture
from api.midjourney.prompt import words_of
from api.midjourney.responses import Refusal
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
    asked, body = await asked_for(request, DescribeBody)
    picture = (body.base64 or "").strip() or (body.link or "").strip()
    if not picture:
        raise Refusal(Code.INVALID, "base64: must not be empty")
    model = _text_model(asked, "describe")
    kept = await take_picture(asked, picture, field="base64")
    shown = str(parse_id("asset", kept)) if kept.startswith("asset_") else kept
    job = _job(asked, model, Task.DESCRIBE, "", [kept])
    return await _submit(asked, Action.DESCRIBE, None, "/describe", job, shown=shown)


async def shorten(request: Request) -> Response:
    """Write five shorter versions of a prompt."""
    asked, body = await asked_for(request, ShortenBody)
    prompt = words_of(body.prompt, asked.services.settings)
    if not prompt:
        raise Refusal(Code.INVALID, "prompt: must not be empty")
    job = _job(asked, _text_model(asked, "shorten"), Task.SHORTEN, prompt, [])
    return await _submit(asked, Action.SHORTEN, prompt, f"/shorten {prompt}", job)


def _text_model(asked: Asked, verb: str) -> str:
    model = asked.services.settings.midjourney_text_model
    if model is None:
        words = f"{verb} needs a text model: set DARKROOM_MIDJOURNEY_TEXT_MODEL and start again."
        raise Refusal(Code.INVALID, words)
    return model


def _job(asked: Asked, model: str, order: Task, words: str, images: list[str]) -> dict[str, Any]:
    prompt = told(order, words, most=asked.services.settings.prompt_limit)
    return {"model": model, "prompt": prompt, "images": images, "params": {}, "wants": TEXT}


async def _submit(
    asked: Asked, action: Action, prompt: str | None, words: str, job: dict[str, Any], **aside: Any
) -> Response:
    task = NewTask(
        action=action,
        prompt=prompt,
        description=words,
        bot=asked.body.bot,
        mode=mode_of(asked.segment, asked.body.wanted_mode, {}),
        request={**job, **aside},
    )
    return await submit_jobs(asked, task, [job])
