"""Suggested prompts: draw one of those that describe or shorten has found, or all of them."""

from starlette.responses import Response

from api.midjourney.actions.follow_up import FollowUp
from api.midjourney.actions.imagine import bot_of, submit_grid
from api.midjourney.job_specs import image_job, image_model, style_in_words
from api.midjourney.prompt import ParsedPrompt, parse_prompt
from api.midjourney.submit import EACH, NewTask, submit_jobs
from api.midjourney.translate import image_parameters
from models.midjourney.protocol import Action, Bot


def suggested_prompt_of(follow_up: FollowUp) -> str:
    """Return the prompt of the button; all of them for number 0."""
    prompts: list[str] = follow_up.parent.request.get("picks", [])
    number = follow_up.button.number
    return prompts[number - 1] if number else "\n\n".join(prompts)


async def draw_suggested_prompt(follow_up: FollowUp) -> Response:
    """Draw a grid of one prompt; or one image for each, if all were chosen and not changed."""
    suggested = suggested_prompt_of(follow_up)
    text = suggested if follow_up.prompt is None else follow_up.prompt
    if not follow_up.button.number and text == suggested:
        return await _draw_each(follow_up, text)
    prompt = parse_prompt(text)
    return await submit_grid(
        follow_up.context,
        text,
        prompt,
        [],
        bot=_bot(follow_up, prompt),
        parent_id=follow_up.parent.id,
        dialog_task_id=follow_up.dialog_task_id,
    )


def _bot(follow_up: FollowUp, prompt: ParsedPrompt) -> Bot:
    """Return the drawing style: the parent's, unless the request names another."""
    bot = bot_of(follow_up.context.body, prompt)
    return Bot(follow_up.parent.bot) if bot is Bot.MIDJOURNEY else bot


async def _draw_each(follow_up: FollowUp, text: str) -> Response:
    context, settings = follow_up.context, follow_up.context.services.settings
    bot = _bot(follow_up, parse_prompt(""))
    model, anime = image_model(settings, bot), style_in_words(settings, bot)
    specs = [
        image_job(image_parameters(parse_prompt(prompt), anime=anime), model)
        for prompt in follow_up.parent.request["picks"]
    ]
    each = [spec.to_json() for spec in specs]
    task = NewTask(
        action=Action.IMAGINE,
        prompt=text,
        description=f"/imagine {text}",
        bot=bot,
        mode=context.mode(),
        request={**each[0], "wanted": len(each), "words": text, EACH: each},
        parent_id=follow_up.parent.id,
        dialog_task_id=follow_up.dialog_task_id,
    )
    return await submit_jobs(context, task, specs)
