"""video: a moving picture, by a video model if there is one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.actions.follow_up import NO_EXTENSION, NO_VIDEO_MODEL, FollowUp, picture_of
from api.midjourney.actions.prompt_templates import Task, filled
from api.midjourney.context import RequestContext, asked_for
from api.midjourney.image_inputs import take_picture
from api.midjourney.prompt import words_of
from api.midjourney.responses import SubmitError
from api.midjourney.schemas import Body
from api.midjourney.submit import NewTask, submit_jobs
from api.midjourney.translate import mode_of
from models.ids import public_id
from models.midjourney.custom_ids import Verb
from models.midjourney.protocol import Action, Bot, Code

_MOTIONS = {"low": "Little moves, slowly.", "high": "Much moves, and so does the camera."}
_BATCHES = (1, 2, 4)
_CLOSED = "It ends as it begins, so that it can be shown in a loop."
_LAST = "It ends with the second picture."


class VideoBody(Body):
    """What video takes."""

    prompt: str | None = None
    motion: str | None = None
    image: str | None = None
    base64: str | None = None
    end_image: str | None = None
    loop: Any = None
    action: str | None = None
    batch_size: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRequest:
    """A video that is wanted: its first picture, perhaps its last one, and what happens in between."""

    images: Sequence[str]
    prompt: str | None
    words: str  #: what it shows, for the model
    motion: str = ""
    loop: bool = False
    count: int = 1
    description: str
    bot: Bot
    parent_id: int | None = None


async def video(request: Request) -> Response:
    """Make videos, each by a call of its own."""
    context, body = await asked_for(request, VideoBody)
    _model(context)
    if action := (body.action or "").strip():
        words = NO_EXTENSION if action.lower() == "extend" else "there is no such action; leave it out"
        raise SubmitError(Code.INVALID, f"action: {words}")
    prompt = words_of(body.prompt, context.services.settings)
    motion = (body.motion or "").strip().lower()
    if motion and motion not in _MOTIONS:
        raise SubmitError(Code.INVALID, f"motion: must be among {', '.join(_MOTIONS)}")
    film = VideoRequest(
        prompt=prompt,
        words=prompt,
        motion=motion,
        loop=body.loop is True,
        count=_batch(body.batch_size),
        images=await _frames(context, body),
        description=f"/video {prompt}".strip(),
        bot=body.bot,
    )
    return await submit_video(context, film)


async def submit_video(context: RequestContext, film: VideoRequest) -> Response:
    """Submit the calls of a video. Raises ``Refusal``."""
    job = {
        "model": _model(context),
        "prompt": _told(context, film),
        "images": list(film.images),
        "params": {},
    }
    task = NewTask(
        action=Action.VIDEO,
        prompt=film.prompt,
        description=film.description,
        bot=film.bot,
        mode=mode_of(context.segment, context.body.wanted_mode, {}),
        request={**job, "wanted": film.count},
        parent_id=film.parent_id,
    )
    return await submit_jobs(context, task, [dict(job) for _ in range(film.count)])


def _model(context: RequestContext) -> str:
    model = context.services.settings.midjourney_video_model
    if model is None:
        raise SubmitError(Code.INVALID, NO_VIDEO_MODEL)
    return model


def _told(context: RequestContext, film: VideoRequest) -> str:
    sentences = [
        film.words,
        _MOTIONS.get(film.motion, ""),
        _CLOSED if film.loop else "",
        _LAST if len(film.images) > 1 else "",
    ]
    most = context.services.settings.prompt_limit
    return filled(Task.VIDEO, "\n".join(sentence for sentence in sentences if sentence), most=most)


async def _frames(context: RequestContext, body: VideoBody) -> list[str]:
    """Return the first picture, and the last one if there is one. Raises ``Refusal``."""
    first = (body.image or "").strip() or (body.base64 or "").strip()
    if not first:
        raise SubmitError(Code.INVALID, "image: must not be empty")
    last = (body.end_image or "").strip()
    taken = [await take_picture(context, first, field="image")]
    return [*taken, await take_picture(context, last, field="endImage")] if last else taken


def _batch(wanted: object) -> int:
    """Return how many videos are wanted: one if nobody says, for each is a paid call."""
    text = str(wanted).strip() if wanted is not None else "1"
    if text not in map(str, _BATCHES):
        raise SubmitError(Code.INVALID, "batchSize: must be 1, 2 or 4")
    return int(text)


# Animate: a single picture becomes the beginning of a video.

_ANIMATE_MOTIONS = {Verb.ANIMATE_HIGH: "high", Verb.ANIMATE_LOW: "low"}


async def animate(follow: FollowUp) -> Response:
    """Make one video of a task's picture."""
    parent, picture = follow.parent, await picture_of(follow, 1)
    film = VideoRequest(
        images=[public_id("asset", picture.id)],
        prompt=parent.prompt,
        words=follow.said,
        motion=_ANIMATE_MOTIONS[Verb(follow.press.verb)],
        description=f"/video {parent.id}",
        bot=Bot(parent.bot),
        parent_id=parent.id,
    )
    return await submit_video(follow.asked, film)
