"""video: a moving picture, by a video model if there is one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.actions.follow_up import NO_EXTENSION, NO_VIDEO_MODEL, Follow, picture_of
from api.midjourney.actions.prompt_templates import Task, told
from api.midjourney.context import Asked, asked_for
from api.midjourney.image_inputs import take_picture
from api.midjourney.prompt import words_of
from api.midjourney.responses import Refusal
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
class Film:
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
    asked, body = await asked_for(request, VideoBody)
    _model(asked)
    if action := (body.action or "").strip():
        words = NO_EXTENSION if action.lower() == "extend" else "there is no such action; leave it out"
        raise Refusal(Code.INVALID, f"action: {words}")
    prompt = words_of(body.prompt, asked.services.settings)
    motion = (body.motion or "").strip().lower()
    if motion and motion not in _MOTIONS:
        raise Refusal(Code.INVALID, f"motion: must be among {', '.join(_MOTIONS)}")
    film = Film(
        prompt=prompt,
        words=prompt,
        motion=motion,
        loop=body.loop is True,
        count=_batch(body.batch_size),
        images=await _frames(asked, body),
        description=f"/video {prompt}".strip(),
        bot=body.bot,
    )
    return await submit_film(asked, film)


async def submit_film(asked: Asked, film: Film) -> Response:
    """Submit the calls of a video. Raises ``Refusal``."""
    job = {"model": _model(asked), "prompt": _told(asked, film), "images": list(film.images), "params": {}}
    task = NewTask(
        action=Action.VIDEO,
        prompt=film.prompt,
        description=film.description,
        bot=film.bot,
        mode=mode_of(asked.segment, asked.body.wanted_mode, {}),
        request={**job, "wanted": film.count},
        parent_id=film.parent_id,
    )
    return await submit_jobs(asked, task, [dict(job) for _ in range(film.count)])


def _model(asked: Asked) -> str:
    model = asked.services.settings.midjourney_video_model
    if model is None:
        raise Refusal(Code.INVALID, NO_VIDEO_MODEL)
    return model


def _told(asked: Asked, film: Film) -> str:
    sentences = [
        film.words,
        _MOTIONS.get(film.motion, ""),
        _CLOSED if film.loop else "",
        _LAST if len(film.images) > 1 else "",
    ]
    most = asked.services.settings.prompt_limit
    return told(Task.VIDEO, "\n".join(sentence for sentence in sentences if sentence), most=most)


async def _frames(asked: Asked, body: VideoBody) -> list[str]:
    """Return the first picture, and the last one if there is one. Raises ``Refusal``."""
    first = (body.image or "").strip() or (body.base64 or "").strip()
    if not first:
        raise Refusal(Code.INVALID, "image: must not be empty")
    last = (body.end_image or "").strip()
    taken = [await take_picture(asked, first, field="image")]
    return [*taken, await take_picture(asked, last, field="endImage")] if last else taken


def _batch(wanted: object) -> int:
    """Return how many videos are wanted: one if nobody says, for each is a paid call."""
    text = str(wanted).strip() if wanted is not None else "1"
    if text not in map(str, _BATCHES):
        raise Refusal(Code.INVALID, "batchSize: must be 1, 2 or 4")
    return int(text)


# Animate: a single picture becomes the beginning of a video.

_ANIMATE_MOTIONS = {Verb.ANIMATE_HIGH: "high", Verb.ANIMATE_LOW: "low"}


async def animate(follow: Follow) -> Response:
    """Make one video of a task's picture."""
    parent, picture = follow.parent, await picture_of(follow, 1)
    film = Film(
        images=[public_id("asset", picture.id)],
        prompt=parent.prompt,
        words=follow.said,
        motion=_ANIMATE_MOTIONS[Verb(follow.press.verb)],
        description=f"/video {parent.id}",
        bot=Bot(parent.bot),
        parent_id=parent.id,
    )
    return await submit_film(follow.asked, film)
