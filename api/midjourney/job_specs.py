"""Specification of a task's jobs: what they ask which model for, and how many calls a grid takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from api.midjourney.responses import SubmitError
from api.midjourney.translate import ImageParameters
from models.channels import ChannelSettings, serves
from models.midjourney.protocol import Bot, Code
from models.midjourney.seeds import without_seed
from models.settings import Settings
from worker.upstream.presets.channel_preset import effective_preset

PREPARE = "prepare"
"""Member of a job's request: how its input images change before the call; clients can't set it."""

_PUBLIC_MEMBERS = ("model", "prompt", "images", "params", "size", "wants")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """What jobs of a task ask a model for. The ``copies`` of one differ in nothing but their seed."""

    model: str
    prompt: str
    images: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    size: str | None = None
    wants: str | None = None  #: ``models.request.TEXT`` for words instead of images
    prepare: Mapping[str, Any] | None = None  #: see ``worker.tasks.input_images``
    n: int | None = None  #: images per call
    copies: int = 1  #: jobs, each a call

    @classmethod
    def from_json(cls, request: Mapping[str, Any]) -> "JobSpec":
        """Return the specification in a task's ``request``, of one job."""
        given = {name: request[name] for name in (*_PUBLIC_MEMBERS, PREPARE) if name in request}
        return cls(**given | {"images": tuple(request.get("images", ()))})

    def to_json(self) -> dict[str, Any]:
        """Return the members that a task's ``request`` keeps for its follow-ups."""
        return self.members() | ({PREPARE: dict(self.prepare)} if self.prepare else {})

    def members(self) -> dict[str, Any]:
        """Return the members of a job that clients of the native API can set, too."""
        given = {
            "model": self.model,
            "prompt": self.prompt,
            "images": list(self.images),
            "params": dict(self.params),
        }
        optional = {"size": self.size, "wants": self.wants}
        return given | {name: value for name, value in optional.items() if value is not None}

    def without_seed(self) -> "JobSpec":
        """Return the same without a seed."""
        return replace(self, params=without_seed(self.params))


def image_job(parameters: ImageParameters, model: str) -> JobSpec:
    """Return the specification of one call for these parameters."""
    return JobSpec(
        model=model,
        prompt=parameters.text,
        images=tuple(parameters.images),
        params=parameters.params,
        size=parameters.size,
    )


def grid_of(settings: Settings, spec: JobSpec) -> JobSpec:
    """Return the specification of a grid: one call for all images where ``n`` is honoured, else one for each.

    With ``n`` the images are not guaranteed; see ``worker.midjourney.top_up``.
    """
    count = settings.midjourney_grid
    if count > 1 and honours_n(settings, spec.model):
        return replace(spec, n=count)
    return replace(spec, copies=count)


def image_model(settings: Settings, bot: Bot) -> str:
    """Return the model for a drawing style. Raises ``SubmitError`` if none is configured."""
    named = settings.midjourney_niji_model if bot is Bot.NIJI else None
    model = named or settings.midjourney_image_model or _first_named(settings)
    if model is None:
        raise SubmitError(
            Code.FAILURE, "No image model is set. Set DARKROOM_MIDJOURNEY_IMAGE_MODEL and restart Darkroom."
        )
    return model


def style_in_words(settings: Settings, bot: Bot) -> bool:
    """Return whether a drawing style has no model of its own, so that the prompt has to name it."""
    return bot is Bot.NIJI and settings.midjourney_niji_model is None


def honours_n(settings: Settings, model: str) -> bool:
    """Return whether every channel of a model draws ``n`` images in one call."""
    channels = [channel for channel in settings.all_channels() if _serves(channel, model)]
    return bool(channels) and all(effective_preset(channel).n_style == "n" for channel in channels)


def _first_named(settings: Settings) -> str | None:
    """Return the first model that an enabled channel names in full."""
    names = (name for channel in settings.all_channels() if channel.enabled for name in channel.models)
    return next((name for name in names if not name.endswith("*")), None)


def _serves(channel: ChannelSettings, model: str) -> bool:
    return channel.enabled and serves(channel.models, model)
