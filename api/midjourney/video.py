"""video: a moving picture, by a video model if there is one."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.bodies import Body
from api.midjourney.envelope import Refusal
from api.midjourney.instructions import Task, told
from api.midjourney.modes import mode_of
from api.midjourney.pictures import keep_pictures
from api.midjourney.routing import asked_for
from api.midjourney.submitting import Asked, NewTask, submit_jobs
from api.midjourney.words import words_of
from models.midjourney.vocabulary import Action, Code

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


async def video(request: Request) -> Response:
    """Make videos, each by a call of its own."""
    asked, body = await asked_for(request, VideoBody)
    model = asked.services.settings.midjourney_video_model
    if model is None:
        words = "video needs a video model: set DARKROOM_MIDJOURNEY_VIDEO_MODEL and start again."
        raise Refusal(Code.INVALID, words)
    if (body.action or "").strip():
        raise Refusal(Code.INVALID, "action: videos can't be extended here; begin with an image instead")
    prompt = words_of(body.prompt, asked.services.settings)
    job = {"model": model, "prompt": _told(asked, body), "images": await _frames(asked, body), "params": {}}
    count = _batch(body.batch_size)
    task = NewTask(
        action=Action.VIDEO,
        prompt=prompt,
        description=f"/video {prompt}".strip(),
        bot=body.bot,
        mode=mode_of(asked.segment, body.wanted_mode, {}),
        request={**job, "wanted": count},
    )
    return await submit_jobs(asked, task, [dict(job) for _ in range(count)])


def _told(asked: Asked, body: VideoBody) -> str:
    motion = (body.motion or "").strip().lower()
    if motion and motion not in _MOTIONS:
        raise Refusal(Code.INVALID, f"motion: must be among {', '.join(_MOTIONS)}")
    sentences = [
        (body.prompt or "").strip(),
        _MOTIONS.get(motion, ""),
        _CLOSED if body.loop is True else "",
        _LAST if (body.end_image or "").strip() else "",
    ]
    most = asked.services.settings.prompt_limit
    return told(Task.VIDEO, "\n".join(sentence for sentence in sentences if sentence), most=most)


async def _frames(asked: Asked, body: VideoBody) -> list[str]:
    """Return the first picture, and the last one if there is one. Raises ``Refusal``."""
    first = (body.image or "").strip() or (body.base64 or "").strip()
    if not first:
        raise Refusal(Code.INVALID, "image: must not be empty")
    last = (body.end_image or "").strip()
    given = [first, last] if last else [first]
    return await keep_pictures(asked.services, asked.caller, given, field="image", at=asked.at)


def _batch(wanted: object) -> int:
    """Return how many videos are wanted: one if nobody says, for each is a paid call."""
    text = str(wanted).strip() if wanted is not None else "1"
    if text not in map(str, _BATCHES):
        raise Refusal(Code.INVALID, "batchSize: must be 1, 2 or 4")
    return int(text)
