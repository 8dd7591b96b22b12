"""video and animate: videos that begin with an image, by a video model if one is configured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.actions.follow_up import NO_EXTENSION, NO_VIDEO_MODEL, FollowUp, image_of_parent
from api.midjourney.actions.prompt_templates import PromptTemplate, render_prompt
from api.midjourney.context import RequestContext, request_context
from api.midjourney.image_inputs import take_image
from api.midjourney.job_specs import JobSpec
from api.midjourney.prompt import MOTIONS, ParsedPrompt, clean_prompt, parse_prompt
from api.midjourney.responses import SubmitError
from api.midjourney.schemas import Body, Prompt
from api.midjourney.submit import NewTask, submit_jobs
from api.midjourney.translate import edit_parameters
from models.ids import public_id
from models.midjourney.custom_ids import Verb
from models.midjourney.protocol import Action, Bot, Code

_MOTION_SENTENCES = {"low": "Little moves, slowly.", "high": "Much moves, and so does the camera."}
_MOTION_OF_BUTTON = {Verb.ANIMATE_HIGH: "high", Verb.ANIMATE_LOW: "low"}
_BATCH_SIZES = (1, 2, 4)
_LOOP = "It ends as it begins, so that it can be shown in a loop."
_END_IMAGE = "It ends with the second picture."
_ONE_PICTURE = (
    "prompt: a video begins with one picture; put its URL in front of the prompt, or send it in base64Array. "
    "The picture that it ends with follows --end"
)


class VideoBody(Body):
    """Body of video."""

    prompt: Prompt = None
    motion: str | None = None
    image: str | None = None
    base64: str | None = None
    end_image: str | None = None
    loop: Any = None
    action: str | None = None
    batch_size: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRequest:
    """What a video task asks for. ``images``: the first frame, and optionally the last one."""

    images: Sequence[str]
    prompt: str | None
    text: str  #: what it shows, for the model
    motion: str = ""
    loop: bool = False
    count: int = 1
    flags: Mapping[str, str] = field(default_factory=dict)  #: of its prompt
    description: str
    bot: Bot
    parent_id: int | None = None


async def video(request: Request) -> Response:
    """Make videos, each by a call of its own."""
    context, body = await request_context(request, VideoBody)
    _video_model(context)
    if action := (body.action or "").strip():
        reason = NO_EXTENSION if action.lower() == "extend" else "there is no such action; leave it out"
        raise SubmitError(Code.INVALID, f"action: {reason}")
    text = clean_prompt(body.prompt, context.services.settings)
    prompt = parse_prompt(text)
    wanted = _video_of(context, text, prompt)
    motion = (body.motion or "").strip().lower()
    if motion and motion not in MOTIONS:
        raise SubmitError(Code.INVALID, f"motion: must be among {', '.join(MOTIONS)}")
    wanted = replace(
        wanted,
        motion=motion or wanted.motion,
        loop=body.loop is True or wanted.loop,
        count=wanted.count if body.batch_size is None else _batch_size(body.batch_size),
        images=await _frames(context, body, prompt),
    )
    return await submit_video(context, wanted)


async def draw_video(
    context: RequestContext, text: str, prompt: ParsedPrompt, images: Sequence[str]
) -> Response:
    """Make the videos of a prompt with ``--video``, from its only picture. Raises ``SubmitError``."""
    _video_model(context)
    first = [*images, *prompt.images]
    if len(first) != 1:
        raise SubmitError(Code.INVALID, _ONE_PICTURE)
    wanted = _video_of(context, text, replace(prompt, images=()))
    return await submit_video(context, replace(wanted, images=[*first, *_last_frame(prompt)]))


def _video_of(context: RequestContext, text: str, prompt: ParsedPrompt) -> VideoRequest:
    """Return what a prompt asks for, without the frames. Raises ``SubmitError``."""
    return VideoRequest(
        images=(),
        prompt=text,
        text=edit_parameters(prompt).text,
        motion=prompt.flags.get("motion", "").lower(),
        loop="loop" in prompt.flags,
        count=_batch_size(prompt.flags.get("batch_size")),
        flags=prompt.flags,
        description=f"/video {text}".strip(),
        bot=context.body.bot,
    )


def _last_frame(prompt: ParsedPrompt) -> Sequence[str]:
    return prompt.references.get("end", ())[:1]


async def animate(follow_up: FollowUp) -> Response:
    """Make one video that begins with a task's image."""
    parent, image = follow_up.parent, await image_of_parent(follow_up, 1)
    wanted = VideoRequest(
        images=[public_id("asset", image.id)],
        prompt=parent.prompt,
        text=follow_up.parameters.text,
        motion=_MOTION_OF_BUTTON[Verb(follow_up.button.verb)],
        description=f"/video {parent.id}",
        bot=Bot(parent.bot),
        parent_id=parent.id,
    )
    return await submit_video(follow_up.context, wanted)


async def submit_video(context: RequestContext, wanted: VideoRequest) -> Response:
    """Submit the calls of a video. Raises ``SubmitError``."""
    spec = JobSpec(
        model=_video_model(context),
        prompt=_model_prompt(context, wanted),
        images=tuple(wanted.images),
        copies=wanted.count,
    )
    task = NewTask(
        action=Action.VIDEO,
        prompt=wanted.prompt,
        description=wanted.description,
        bot=wanted.bot,
        mode=context.mode(wanted.flags),
        request={**spec.to_json(), "wanted": wanted.count},
        parent_id=wanted.parent_id,
    )
    return await submit_jobs(context, task, [spec])


def _video_model(context: RequestContext) -> str:
    model = context.services.settings.midjourney_video_model
    if model is None:
        raise SubmitError(Code.INVALID, NO_VIDEO_MODEL)
    return model


def _model_prompt(context: RequestContext, wanted: VideoRequest) -> str:
    sentences = [
        wanted.text,
        _MOTION_SENTENCES.get(wanted.motion, ""),
        _LOOP if wanted.loop else "",
        _END_IMAGE if len(wanted.images) > 1 else "",
    ]
    text = "\n".join(sentence for sentence in sentences if sentence)
    return render_prompt(PromptTemplate.VIDEO, text, limit=context.services.settings.prompt_limit)


async def _frames(context: RequestContext, body: VideoBody, prompt: ParsedPrompt) -> list[str]:
    """Return the first frame, and the last one if it is given: of the body, else of the prompt.

    Raises ``SubmitError``.
    """
    first = (body.image or "").strip() or (body.base64 or "").strip() or "".join(prompt.images[:1])
    if not first:
        raise SubmitError(Code.INVALID, "image: must not be empty")
    last = (body.end_image or "").strip() or "".join(_last_frame(prompt))
    frames = [await take_image(context, first, field="image")]
    return [*frames, await take_image(context, last, field="endImage")] if last else frames


def _batch_size(given: object) -> int:
    """Return the number of videos. The default is one, for each is a paid call. Raises ``SubmitError``."""
    text = str(given).strip() if given is not None else "1"
    if text not in map(str, _BATCH_SIZES):
        raise SubmitError(Code.INVALID, "batchSize (--bs in a prompt): must be 1, 2 or 4")
    return int(text)
