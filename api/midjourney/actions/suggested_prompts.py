"""Drawing what a description or a shortened prompt suggests."""

from starlette.responses import Response

from api.midjourney.actions.follow_up import FollowUp
from api.midjourney.actions.imagine import bot_of, draw, job_of
from api.midjourney.prompt import Prompt, read_prompt
from api.midjourney.submit import EACH, NewTask, submit_jobs
from api.midjourney.translate import image_model, image_parameters_of, in_words, mode_of
from models.midjourney.protocol import Action, Bot


def suggested_prompt_of(follow: FollowUp) -> str:
    """Return the prompt that was picked; all of them for number 0."""
    picks: list[str] = follow.parent.request.get("picks", [])
    number = follow.press.number
    return picks[number - 1] if number else "\n\n".join(picks)


async def draw_suggested_prompt(follow: FollowUp) -> Response:
    """Draw a grid of one prompt; or one picture of each, if all were picked and left as they are."""
    text = suggested_prompt_of(follow) if follow.words is None else follow.words
    if not follow.press.number and text == suggested_prompt_of(follow):
        return await _each(follow)
    prompt = read_prompt(text)
    bot, parent = _bot(follow, prompt), follow.parent
    return await draw(
        follow.asked, text, prompt, [], bot=bot, parent_id=parent.id, continues=follow.continues
    )


def _bot(follow: FollowUp, prompt: Prompt) -> Bot:
    """Return the drawing style: the parent's, unless another is asked for."""
    context = bot_of(follow.asked.body, prompt)
    return Bot(follow.parent.bot) if context is Bot.MIDJOURNEY else context


async def _each(follow: FollowUp) -> Response:
    context, picks = follow.asked, follow.parent.request["picks"]
    bot = _bot(follow, read_prompt(""))
    model, anime = image_model(context.services.settings, bot), in_words(context.services.settings, bot)
    jobs = [job_of(image_parameters_of(read_prompt(pick), anime=anime), model) for pick in picks]
    text = suggested_prompt_of(follow)
    task = NewTask(
        action=Action.IMAGINE,
        prompt=text,
        description=f"/imagine {text}",
        bot=bot,
        mode=mode_of(context.segment, context.body.wanted_mode, {}),
        request={**jobs[0], "wanted": len(jobs), "words": text, EACH: jobs},
        parent_id=follow.parent.id,
        continues=follow.continues,
    )
    return await submit_jobs(context, task, jobs)
