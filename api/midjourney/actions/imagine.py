"""imagine: a grid of images for a prompt."""

from collections.abc import Sequence

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.actions.video import draw_video
from api.midjourney.context import RequestContext, request_context
from api.midjourney.image_inputs import take_images
from api.midjourney.job_specs import grid_of, image_job, image_model, style_in_words
from api.midjourney.prompt import ParsedPrompt, clean_prompt, parse_prompt
from api.midjourney.responses import SubmitError
from api.midjourney.schemas import Body, Images, Prompt
from api.midjourney.submit import NewTask, submit_jobs
from api.midjourney.translate import image_parameters
from models.midjourney.protocol import Action, Bot, Code


class ImagineBody(Body):
    """Body of imagine."""

    prompt: Prompt = None
    base64_array: Images = Field([], alias="base64Array")
    base64: str | None = None


async def imagine(request: Request) -> Response:
    """Draw a grid of images; with ``--video`` in the prompt, make a video instead."""
    context, body = await request_context(request, ImagineBody)
    text = clean_prompt(body.prompt, context.services.settings)
    prompt = parse_prompt(text)
    given = [image for image in (*body.base64_array, body.base64 or "") if image.strip()]
    if not prompt.text and not prompt.images and not given:
        raise SubmitError(Code.INVALID, "prompt: must not be empty")
    images = await take_images(context, given, field="base64Array")
    if "video" in prompt.flags:
        return await draw_video(context, text, prompt, images)
    return await submit_grid(context, text, prompt, images, bot=bot_of(body, prompt))


def bot_of(body: Body, prompt: ParsedPrompt) -> Bot:
    """Return the drawing style in the prompt's flags or the body."""
    return Bot.NIJI if "niji" in prompt.flags else body.bot


async def submit_grid(
    context: RequestContext,
    text: str,
    prompt: ParsedPrompt,
    images: Sequence[str],
    *,
    bot: Bot,
    parent_id: int | None = None,
    dialog_task_id: int | None = None,
) -> Response:
    """Submit a grid for a prompt with these input images, asset ids or URLs."""
    settings = context.services.settings
    parameters = image_parameters(prompt, images, anime=style_in_words(settings, bot))
    spec = image_job(parameters, image_model(settings, bot))
    task = NewTask(
        action=Action.IMAGINE,
        prompt=text,
        description=f"/imagine {text}",
        bot=bot,
        mode=context.mode(prompt.flags),
        request={**spec.to_json(), "wanted": settings.midjourney_grid},
        parent_id=parent_id,
        dialog_task_id=dialog_task_id,
    )
    return await submit_jobs(context, task, [grid_of(settings, spec)])
