"""Style probe: small real calls that find out how a relay reads a request.

In order: the first image (by another form of the content or with modalities, if the preset makes none), the
place of the size, the number of images, and input images. The relay understood an input image if it repeats
it on request. A system message has no trial of its own: ``size_style = "system"`` is one.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import orjson

from api.channel_calls.channel_test import call_channel
from api.cli.channel_calls.probe_images import alike, bytes_of, data_url, probe_image, ratio_of
from models.channels import ChannelSettings, ContentStyle, NStyle, SizeStyle
from models.errors import DarkroomError
from models.outcomes import Outcome
from models.request import ImageRequest
from models.settings import Settings
from worker.download.downloader import Downloader
from worker.download.http_client import open_download_client
from worker.download.ssrf import AllowList
from worker.upstream.parsing.image import ResultImage
from worker.upstream.presets.channel_preset import effective_preset
from worker.upstream.presets.preset import Preset
from worker.upstream.reply import Reply
from worker.upstream.transport.client import UpstreamClient
from worker.upstream.transport.connection import open_session

SIZE_STYLES: tuple[SizeStyle, ...] = (
    "size",
    "aspect_ratio",
    "image_config",
    "imageConfig",
    "system",
    "prompt",
)
N_STYLES: tuple[NStyle, ...] = ("n", "prompt")
MODALITIES = ("image", "text")
_OTHER_FORMS, _INPUT_STYLES = 2, 5
LEAST_CALLS = 3  #: if each first style is understood
MOST_CALLS = _OTHER_FORMS + len(SIZE_STYLES) + len(N_STYLES) + _INPUT_STYLES
_SIZE, _RATIO = "1024x1536", 2 / 3  # a portrait: models make squares unless they understand it
_TOLERANCE = 0.06  # of the ratio: models round the sides
_SEVERAL = 2
_REPEAT = "Repeat the given picture exactly as it is, without any change."
_UNFETCHED = "an image that could not be fetched"
#: outcomes of a first call after which another form of the request may make an image
_OF_THE_REQUEST = frozenset({Outcome.PERMANENT, Outcome.NO_IMAGE, Outcome.AMBIGUOUS})

Call = Callable[[ImageRequest, Preset], Awaitable[Reply]]
Fetch = Callable[[ResultImage], Awaitable[bytes | None]]
"""The bytes of an image; ``None`` if they can't be had."""


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
    settings: dict[str, Any]

    def toml(self) -> str:
        """Return the lines for the channel's table in ``darkroom.toml``."""
        return "\n".join(f"{name} = {orjson.dumps(value).decode()}" for name, value in self.settings.items())


@dataclass(frozen=True, slots=True)
class InputStyle:
    """A way to send an input image: the setting that it tries, the preset that does it, and the image."""

    setting: str
    preset: Preset
    url: str
    original: bytes

    @property
    def value(self) -> str:
        """The value of the setting."""
        return str(getattr(self.preset, self.setting))


class StyleProbe:
    """Tries the styles one after the other, until one is understood or, with ``every``, all of them.

    Each trial is one charged call.
    """

    def __init__(
        self, model: str, prompt: str, preset: Preset, call: Call, fetch: Fetch, *, every: bool
    ) -> None:
        self._model, self._prompt, self._preset = model, prompt, preset
        self._call, self._fetch, self._every = call, fetch, every
        self._trials: list[Trial] = []
        self._settings: dict[str, Any] = {}

    async def run(self) -> StyleReport:
        """Return the trials and the settings.

        Raises ``DarkroomError`` if no first call makes an image: the channel does not work, and no style can
        be told from another.
        """
        first = await self._first_reply()
        await self._try_sizes(first)
        await self._try_numbers()
        if self._preset.paths.edits is None and self._preset.max_images > 0:
            await self._try_inputs(first)
        return StyleReport(tuple(self._trials), self._settings)

    def _note(self, setting: str, value: str, understood: bool, found: str) -> None:
        self._trials.append(Trial(setting, value, understood, found))

    # The first image, which is also the first trial of a size.

    async def _first_reply(self) -> Reply:
        first = await self._call_for_size(self._preset)
        if _makes_image(first):
            if self._every:
                await self._try_other_forms()
            return first
        if first.result.outcome not in _OF_THE_REQUEST or first.result.scope is not None:
            raise _no_image(first)
        self._note("content_style", self._preset.content_style, False, _failure(first))
        if (found := await self._try_other_forms()) is None:
            raise _no_image(first)
        setting, self._preset, reply = found
        self._settings[setting] = getattr(self._preset, setting)
        return reply

    async def _try_other_forms(self) -> tuple[str, Preset, Reply] | None:
        """Return the first other form of the request that makes an image: its setting, preset and reply."""
        other: ContentStyle = "auto" if self._preset.content_style == "parts" else "parts"
        forms = (
            ("content_style", other, replace(self._preset, content_style=other)),
            ("modalities", " ".join(MODALITIES), replace(self._preset, modalities=MODALITIES)),
        )
        found = None
        for setting, shown, form in forms:
            reply = await self._call_for_size(form)
            self._note(setting, shown, _makes_image(reply), _failure(reply) or "an image")
            if _makes_image(reply):
                found = found or (setting, form, reply)
                if not self._every:
                    break
        return found

    async def _call_for_size(self, preset: Preset) -> Reply:
        style = _ordered(SIZE_STYLES, preset.size_style)[0]
        return await self._call(self._request(size=_SIZE), replace(preset, size_style=style))

    def _request(self, **members: Any) -> ImageRequest:
        return ImageRequest(self._model, self._prompt, **members)

    # Size and number of images.

    async def _try_sizes(self, first: Reply) -> None:
        self._settings["size_style"] = "none"
        for number, style in enumerate(_ordered(SIZE_STYLES, self._preset.size_style)):
            preset = replace(self._preset, size_style=style)
            reply = first if number == 0 else await self._call(self._request(size=_SIZE), preset)
            content = await self._first_bytes(reply)
            ratio = ratio_of(content) if content else None
            understood = ratio is not None and abs(ratio / _RATIO - 1) <= _TOLERANCE
            self._note("size_style", style, understood, _failure(reply) or _shape(ratio))
            if understood and self._settings["size_style"] == "none":
                self._settings["size_style"] = style
            if understood and not self._every:
                return

    async def _try_numbers(self) -> None:
        self._settings["n_style"] = "calls"
        for style in _ordered(N_STYLES, self._preset.n_style):
            reply = await self._call(self._request(n=_SEVERAL), replace(self._preset, n_style=style))
            count = len(reply.answer.images) if reply.answer else 0
            self._note("n_style", style, count >= _SEVERAL, f"{count} of {_SEVERAL} images")
            if count >= _SEVERAL and self._settings["n_style"] == "calls":
                self._settings["n_style"] = style
            if count >= _SEVERAL and not self._every:
                return

    # Input images.

    async def _try_inputs(self, first: Reply) -> None:
        image, content = _first_image(first), await self._first_bytes(first)
        address = image.url if image and content else None
        known = False
        for style in _own_first(input_styles(self._preset, address, content or b""), self._preset):
            reply = await self._call(ImageRequest(self._model, _REPEAT, images=(style.url,)), style.preset)
            made = await self._first_bytes(reply)
            understood = made is not None and alike(made, style.original)
            found = "the input image" if understood else "another image" if made else _UNFETCHED
            self._note(style.setting, style.value, understood, _failure(reply) or found)
            if understood and not known:
                known = True
                only_inlined = style.preset.image_style == "parts" and style.url.startswith("data:")
                self._settings["content_style"] = style.preset.content_style
                self._settings["image_style"] = "inlined" if only_inlined else style.preset.image_style
            if understood and not self._every:
                return

    async def _first_bytes(self, reply: Reply) -> bytes | None:
        image = _first_image(reply)
        return await self._fetch(image) if image else None


def input_styles(preset: Preset, address: str | None, at_address: bytes) -> list[InputStyle]:
    """Return the ways to send an input image, by an address if the relay gave one with its first image.

    Without one, a string can't be tried: relays fetch what it names.
    """
    small = probe_image()
    inlined, linked = (data_url(small), small), (address, at_address) if address else (data_url(small), small)
    plain = preset.content_style if preset.content_style in ("auto", "parts") else "auto"
    parts = replace(preset, content_style=plain, image_style="parts")
    styles = [
        InputStyle("image_style", replace(parts, image_style="inlined"), *inlined),
        InputStyle("content_style", replace(parts, content_style="images_first"), *linked),
        InputStyle("image_style", replace(parts, image_style="member"), *linked),
    ]
    if address:
        styles.insert(0, InputStyle("image_style", parts, *linked))
        styles.append(InputStyle("content_style", replace(parts, content_style="string"), *linked))
    return styles


def _own_first(styles: Iterable[InputStyle], preset: Preset) -> list[InputStyle]:
    """Return the styles, that of the preset itself first: it is the likeliest."""
    own = (preset.content_style, preset.image_style)
    return sorted(styles, key=lambda style: (style.preset.content_style, style.preset.image_style) != own)


def _ordered(styles: Iterable[Any], first: str) -> list[Any]:
    """Return the styles, the preset's own first: it is the likeliest."""
    return sorted(styles, key=lambda style: style != first)


def _first_image(reply: Reply) -> ResultImage | None:
    return reply.answer.images[0] if reply.answer and reply.answer.images else None


def _makes_image(reply: Reply) -> bool:
    return reply.result.outcome is Outcome.SUCCESS


def _failure(reply: Reply) -> str:
    """Return why there is no image; empty if there is one."""
    return "" if _makes_image(reply) else f"no image: {reply.result.code}"


def _no_image(reply: Reply) -> DarkroomError:
    return DarkroomError(f"The first call made no image: {reply.result.message}")


def _shape(ratio: float | None) -> str:
    return _UNFETCHED if ratio is None else f"width by height is {ratio:.2f}"


async def probe_channel(
    channel: ChannelSettings, model: str, prompt: str, settings: Settings, *, every: bool
) -> StyleReport:
    """Try the styles on a channel. Raises as ``StyleProbe.run`` does."""
    allow = AllowList.parse(settings.allow_private)
    session, downloads = open_session(limit=1), open_download_client(allow, 1)
    upstream, downloader = UpstreamClient(session), Downloader(downloads, allow=allow)

    async def call(request: ImageRequest, preset: Preset) -> Reply:
        return await call_channel(upstream, channel, request, preset)

    async def fetch(image: ResultImage) -> bytes | None:
        return await bytes_of(image, downloader)

    try:
        preset = effective_preset(channel)
        return await StyleProbe(model, prompt, preset, call, fetch, every=every).run()
    finally:
        await session.close()
        await downloads.aclose()
