"""Presets: provider families as data, with their request format and timeouts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

from models.channels import ChannelSettings, ContentStyle, ImageStyle, NStyle, Paths, SizeStyle
from models.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Preset:
    """Request format and timeouts of one provider family. Timeouts are in seconds."""

    name: str
    content_style: ContentStyle = "auto"
    image_style: ImageStyle = "parts"
    size_style: SizeStyle = "prompt"  #: prompt: a 【2:3】 suffix
    sizes: tuple[str, ...] = ()  #: the only ones that are accepted; empty: any
    n_style: NStyle = "calls"  #: most chat endpoints ignore ``n``
    stream: Literal["required", "preferred", "off"] = "preferred"
    system: str | None = None  #: system message
    modalities: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)  #: members of every request
    address_params: Mapping[str, Any] = field(
        default_factory=dict
    )  #: ask for an image's address, not its bytes
    headers: Mapping[str, str] = field(default_factory=dict)  #: additional ones
    model_names: Mapping[str, str] = field(default_factory=dict)  #: the provider's, by ours
    paths: Paths = field(default_factory=Paths)
    max_images: int = 10  #: input images per request
    max_image_bytes: int | None = None  #: of an input image, which is shrunk to it; none: as it is
    connect: float = 10.0  #: to connect
    first_byte: float | None = None  #: to the first byte; none: ``silent`` if streaming, else ``total``
    idle: float = 90.0  #: without any byte, once the stream has begun
    silent: float = 180.0  #: without a byte besides comments and white space
    total: float = 600.0  #: for the whole call
    #: paths of a task's state below the API version, the likeliest first; none: no tasks
    task_paths: tuple[str, ...] = ("images/tasks/{id}", "tasks/{id}", "images/generations/{id}")

    @property
    def streams(self) -> bool:
        """Whether requests ask for an event stream."""
        return self.stream != "off"

    @property
    def inlines_images(self) -> bool:
        """Whether input images must be data URLs: to shrink them, or for a provider that fetches none."""
        return (
            self.image_style == "inlined" or self.paths.edits is not None or self.max_image_bytes is not None
        )

    @property
    def read_timeout(self) -> float:
        """Seconds to wait for the first byte of an answer."""
        if self.first_byte is not None:
            return self.first_byte
        return min(self.silent, self.total) if self.streams else self.total


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset("huiyan", content_style="parts", stream="required"),
            Preset("chatbp"),
            Preset("ecovai"),
            Preset("chat-edit", content_style="parts", max_images=16),
            Preset("wenwen", stream="off"),
            Preset(
                "generic",
                size_style="size",
                n_style="n",
                max_images=16,
                address_params={"response_format": "url"},  # OpenAI's images API
            ),
        )
    }
)


def preset_named(name: str) -> Preset:
    """Return the preset of this name; raise ``SettingsError`` that lists the known ones."""
    try:
        return PRESETS[name]
    except KeyError:
        known = ", ".join(sorted(PRESETS))
        raise SettingsError([f"There is no preset {name!r}; use one of {known}."]) from None


#: settings of a channel that replace those of its preset, each under the same name
_REPLACED = (
    "content_style",
    "image_style",
    "size_style",
    "sizes",
    "n_style",
    "system",
    "modalities",
    "max_image_bytes",
)


def effective_preset(channel: ChannelSettings) -> Preset:
    """Return the preset of a channel with the channel's own settings applied."""
    preset = preset_named(channel.preset)
    own: dict[str, Any] = {name: value for name in _REPLACED if (value := getattr(channel, name))}
    for name in ("params", "headers", "model_names"):
        if value := getattr(channel, name):
            own[name] = {**getattr(preset, name), **value}
    if channel.paths.model_fields_set:
        own["paths"] = preset.paths.model_copy(update=channel.paths.model_dump(exclude_unset=True))
        if channel.paths.tasks is not None:
            own["task_paths"] = (channel.paths.tasks,)
        if channel.paths.images or channel.paths.edits:
            own["stream"] = "off"  # the images API streams drafts only
    if channel.address_params is not None:
        own["address_params"] = channel.address_params
    if channel.max_pictures is not None:
        own["max_images"] = channel.max_pictures
    if channel.stream is not None:
        own["stream"] = _stream(preset, channel.stream)
    if channel.inline_images:
        own["image_style"] = "inlined"
    if channel.idle_timeout is not None:
        idle = channel.idle_timeout
        own |= {"idle": idle, "first_byte": idle, "silent": max(idle, preset.silent)}
    if channel.silent_timeout is not None:
        own["silent"] = channel.silent_timeout
    if channel.total_timeout is not None:
        own["total"] = channel.total_timeout
    return replace(preset, **own) if own else preset


def _stream(preset: Preset, setting: Literal["on", "off"]) -> Literal["required", "preferred", "off"]:
    if setting == "off":
        return "off"
    return "preferred" if preset.stream == "off" else preset.stream
