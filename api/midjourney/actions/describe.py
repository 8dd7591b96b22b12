"""describe and shorten: a text model writes prompts for an image, or shorter versions of a prompt."""

from collections.abc import Mapping
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.actions.prompt_templates import PromptTemplate, render_prompt
from api.midjourney.context import RequestContext, request_context
from api.midjourney.image_inputs import take_image
from api.midjourney.job_specs import JobSpec
from api.midjourney.prompt import required_prompt
from api.midjourney.responses import SubmitError
from api.midjourney.schemas import Body, Prompt
from api.midjourney.submit import NewTask, submit_jobs
from models.ids import parse_id
from models.midjourney.protocol import Action, Code
from models.request import TEXT


class DescribeBody(Body):
    """Body of describe: an image, or its URL."""

    base64: str | None = None
    link: str | None = None


class ShortenBody(Body):
    """Body of shorten."""

    has_images: ClassVar[bool] = False

    prompt: Prompt = None


async def describe(request: Request) -> Response:
    """Write four prompts for an image."""
    context, body = await request_context(request, DescribeBody)
    given = (body.base64 or "").strip() or (body.link or "").strip()
    if not given:
        raise SubmitError(Code.INVALID, "base64: must not be empty")
    model = _text_model(context, "describe")
    image = await take_image(context, given, field="base64")
    spec = JobSpec(
        model=model, prompt=_prompt(context, PromptTemplate.DESCRIBE, ""), images=(image,), wants=TEXT
    )
    shown = str(parse_id("asset", image)) if image.startswith("asset_") else image
    return await _submit(
        context,
        spec,
        action=Action.DESCRIBE,
        prompt=None,
        description="/describe",
        request={**spec.to_json(), "shown": shown},
    )


async def shorten(request: Request) -> Response:
    """Write five shorter versions of a prompt."""
    context, body = await request_context(request, ShortenBody)
    prompt = required_prompt(body.prompt, context.services.settings)
    model = _text_model(context, "shorten")
    spec = JobSpec(model=model, prompt=_prompt(context, PromptTemplate.SHORTEN, prompt), wants=TEXT)
    return await _submit(
        context,
        spec,
        action=Action.SHORTEN,
        prompt=prompt,
        description=f"/shorten {prompt}",
        request=spec.to_json(),
    )


def _text_model(context: RequestContext, action: str) -> str:
    model = context.services.settings.midjourney_text_model
    if model is None:
        description = f"{action} needs a text model: set DARKROOM_MIDJOURNEY_TEXT_MODEL and restart Darkroom."
        raise SubmitError(Code.INVALID, description)
    return model


def _prompt(context: RequestContext, template: PromptTemplate, text: str) -> str:
    return render_prompt(template, text, limit=context.services.settings.prompt_limit)


async def _submit(
    context: RequestContext,
    spec: JobSpec,
    *,
    action: Action,
    prompt: str | None,
    description: str,
    request: Mapping[str, Any],
) -> Response:
    task = NewTask(
        action=action,
        prompt=prompt,
        description=description,
        bot=context.body.bot,
        mode=context.mode(),
        request=request,
    )
    return await submit_jobs(context, task, [spec])
