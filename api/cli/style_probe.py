"""Style probe: small real calls that find out how a relay reads the size and the number of images."""

import base64
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from api.cli.channel_test import call_channel
from models.channels import ChannelSettings, NStyle, SizeStyle
from models.errors import DarkroomError
from models.outcomes import Outcome
from models.request import ImageRequest
from models.settings import Settings
from worker.download.downloader import Downloader
from worker.download.http_client import open_download_client
from worker.download.ssrf import AllowList
from worker.images.inspection import inspect
from worker.upstream.parsing.image import ResultImage
from worker.upstream.presets.channel_preset import effective_preset
from worker.upstream.presets.preset import Preset
from worker.upstream.reply import Reply
from worker.upstream.transport.client import UpstreamClient
from worker.upstream.transport.connection import open_client

SIZE_STYLES: tuple[SizeStyle, ...] = (
    "size",
    "aspect_ratio",
    "image_config",
    "imageConfig",
    "system",
    "prompt",
)
N_STYLES: tuple[NStyle, ...] = ("n", "prompt")
MOST_CALLS = len(SIZE_STYLES) + len(N_STYLES)
_SIZE, _RATIO = "1024x1536", 2 / 3  # a portrait: models make squares unless they understand it
_TOLERANCE = 0.06  # of the ratio: models round the sides
_SEVERAL = 2

Call = Callable[[ImageRequest, Preset], Awaitable[Reply]]
Measure = Callable[[ResultImage], Awaitable[float | None]]
"""Width by height of an image; ``None`` if it can't be had."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One call: the style that was tried, and whether the relay understood it."""

    setting: str
    value: str
    understood: bool
    found: str  #: what came back

    def to_json(self) -> dict[str, Any]:
        """Return the trial for scripts."""
        return {
            "setting": self.setting,
            "value": self.value,
            "understood": self.understood,
            "found": self.found,
        }


@dataclass(frozen=True, slots=True)
class StyleReport:
    """All trials, and the settings that follow."""

    trials: tuple[Trial, ...]

    def settings(self) -> dict[str, str]:
        """Return the first style that was understood, by setting."""
        sizes = [trial.value for trial in self.trials if trial.setting == "size_style" and trial.understood]
        counts = [trial.value for trial in self.trials if trial.setting == "n_style" and trial.understood]
        return {"size_style": next(iter(sizes), "none"), "n_style": next(iter(counts), "calls")}

    def toml(self) -> str:
        """Return the lines for the channel's table in ``darkroom.toml``."""
        return "\n".join(f'{name} = "{value}"' for name, value in self.settings().items())


async def probe_styles(
    model: str, prompt: str, preset: Preset, call: Call, measure: Measure, *, every: bool
) -> StyleReport:
    """Try the styles one after the other, until one is understood or, with ``every``, all of them.

    Each trial is one charged call. Raises ``DarkroomError`` if the first call makes no image: the channel
    does not work, and no style can be told from another.
    """
    trials: list[Trial] = []
    for style in _ordered(SIZE_STYLES, preset.size_style):
        reply = await call(ImageRequest(model, prompt, size=_SIZE), replace(preset, size_style=style))
        if not trials and reply.result.outcome is not Outcome.SUCCESS:
            raise DarkroomError(f"The first call made no image: {reply.result.message}")
        ratio = await _first_ratio(reply, measure)
        understood = ratio is not None and abs(ratio / _RATIO - 1) <= _TOLERANCE
        trials.append(Trial("size_style", style, understood, _shape(reply, ratio)))
        if understood and not every:
            break
    for count_style in _ordered(N_STYLES, preset.n_style):
        reply = await call(ImageRequest(model, prompt, n=_SEVERAL), replace(preset, n_style=count_style))
        count = len(reply.answer.images) if reply.answer else 0
        trials.append(Trial("n_style", count_style, count >= _SEVERAL, f"{count} of {_SEVERAL} images"))
        if count >= _SEVERAL and not every:
            break
    return StyleReport(tuple(trials))


def _ordered(styles: Iterable[Any], first: str) -> list[Any]:
    """Return the styles, the preset's own first: it is the likeliest."""
    return sorted(styles, key=lambda style: style != first)


async def _first_ratio(reply: Reply, measure: Measure) -> float | None:
    images = reply.answer.images if reply.answer else ()
    return await measure(images[0]) if images else None


def _shape(reply: Reply, ratio: float | None) -> str:
    if reply.result.outcome is not Outcome.SUCCESS:
        return f"no image: {reply.result.code}"
    return "an image that could not be fetched" if ratio is None else f"width by height is {ratio:.2f}"


async def ratio_of(image: ResultImage, downloader: Downloader) -> float | None:
    """Return width by height of an image of an answer, fetched by the downloader if it is a link."""
    try:
        if image.url is not None:
            with TemporaryDirectory() as folder:
                body = (await downloader.fetch(image.url, into=Path(folder))).body
                info = inspect(body)
        else:
            info = inspect(image.blob if image.blob is not None else base64.b64decode(image.data or ""))
    except (DarkroomError, ValueError):
        return None
    return info.width / info.height if info.width and info.height else None


async def probe_channel(
    channel: ChannelSettings, model: str, prompt: str, settings: Settings, *, every: bool
) -> StyleReport:
    """Try the styles on a channel. Raises as ``probe_styles`` does."""
    allow = AllowList.parse(settings.allow_private)
    http, downloads = open_client(limit=1), open_download_client(allow, 1)
    upstream, downloader = UpstreamClient(http), Downloader(downloads, allow=allow)

    async def call(request: ImageRequest, preset: Preset) -> Reply:
        return await call_channel(upstream, channel, request, preset)

    async def measure(image: ResultImage) -> float | None:
        return await ratio_of(image, downloader)

    try:
        return await probe_styles(model, prompt, effective_preset(channel), call, measure, every=every)
    finally:
        await http.aclose()
        await downloads.aclose()
