"""imagine: pictures from words, as many as a grid has."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.context import RequestContext, asked_for
from api.midjourney.image_inputs import take_pictures
from api.midjourney.prompt import Prompt, read_prompt, words_of
from api.midjourney.responses import SubmitError
from api.midjourney.schemas import Body, Pictures
from api.midjourney.submit import NewTask, submit_jobs
from api.midjourney.translate import (
    ImageParameters,
    draws_many,
    image_model,
    image_parameters_of,
    in_words,
    mode_of,
)
from models.midjourney.protocol import SEEDS, Action, Bot, Code
from models.settings import Settings


class ImagineBody(Body):
    """What imagine takes."""

    prompt: str | None = None
    base64_array: Pictures = Field([], alias="base64Array")
    base64: str | None = None


async def imagine(request: Request) -> Response:
    """Draw a grid of pictures."""
    context, body = await asked_for(request, ImagineBody)
    text = words_of(body.prompt, context.services.settings)
    prompt = read_prompt(text)
    given = [picture for picture in (*body.base64_array, body.base64 or "") if picture.strip()]
    if not prompt.text and not prompt.images and not given:
        raise SubmitError(Code.INVALID, "prompt: must not be empty")
    pictures = await take_pictures(context, given, field="base64Array")
    return await draw(context, text, prompt, pictures, bot=bot_of(body, prompt))


def bot_of(body: Body, prompt: Prompt) -> Bot:
    """Return the drawing style that the prompt's flags or the body ask for."""
    return Bot.NIJI if "niji" in prompt.flags else body.bot


async def draw(
    context: RequestContext,
    text: str,
    prompt: Prompt,
    pictures: list[str],
    *,
    bot: Bot,
    parent_id: int | None = None,
    continues: int | None = None,
) -> Response:
    """Submit a grid for a prompt with input pictures that are stored already."""
    settings = context.services.settings
    model = image_model(settings, bot)
    job = job_of(image_parameters_of(prompt, pictures, anime=in_words(settings, bot)), model)
    task = NewTask(
        action=Action.IMAGINE,
        prompt=text,
        description=f"/imagine {text}",
        bot=bot,
        mode=mode_of(context.segment, context.body.wanted_mode, prompt.flags),
        request={**job, "wanted": settings.midjourney_grid},
        parent_id=parent_id,
        continues=continues,
    )
    return await submit_jobs(context, task, parts_of_grid(settings, job))


def job_of(parameters: ImageParameters, model: str) -> dict[str, Any]:
    """Write a wish as the native API takes it."""
    job = {
        "model": model,
        "prompt": parameters.text,
        "images": list(parameters.images),
        "params": dict(parameters.params),
    }
    return job if parameters.size is None else job | {"size": parameters.size}


def parts_of_grid(settings: Settings, job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the jobs of a grid: one for all pictures where the provider honours ``n``, else one for each.

    Calls side by side with one seed would draw one picture again and again: each gets a seed of its own.
    """
    wanted = settings.midjourney_grid
    if wanted > 1 and draws_many(settings, job["model"]):
        return [{**job, "n": wanted}]
    seed = job["params"].get("seed")
    if seed is None:
        return [dict(job) for _ in range(wanted)]
    seeds = [(seed + number) % SEEDS for number in range(wanted)]
    return [{**job, "params": {**job["params"], "seed": each}} for each in seeds]
