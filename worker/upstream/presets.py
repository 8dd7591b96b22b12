"""Presets: provider families as data, with their request format and timeouts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Literal

from models.channels import ChannelSettings
from models.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Preset:
    """Request format and timeouts of one provider family. Timeouts are in seconds."""

    name: str
    content: Literal["string", "parts", "auto"] = "auto"  #: auto: string, or parts with images
    stream: Literal["required", "preferred", "off"] = "preferred"
    size: Literal["param", "prompt", "none"] = "prompt"  #: place of the size; prompt: a 【2:3】 suffix
    honours_n: bool = False  #: whether ``n`` is sent; most chat endpoints ignore it
    inline_images: bool = False  #: whether the caller must turn input URLs into data URLs
    max_images: int = 10  #: input images per request
    connect: float = 10.0  #: to connect
    first_byte: float | None = None  #: to the first byte; none: ``silent`` if streaming, else ``total``
    idle: float = 90.0  #: without any byte, once the stream has begun
    silent: float = 180.0  #: without a byte besides comments and white space
    total: float = 600.0  #: for the whole call
    headers: Mapping[str, str] = field(default_factory=dict)  #: additional ones
    #: paths of a task's state below the API version, the likeliest first; none: no tasks
    task_paths: tuple[str, ...] = ("images/tasks/{id}", "tasks/{id}", "images/generations/{id}")

    @property
    def streams(self) -> bool:
        """Whether requests ask for an event stream."""
        return self.stream != "off"

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
            Preset("huiyan", content="parts", stream="required"),
            Preset("chatbp", content="auto"),
            Preset("ecovai", content="auto"),
            Preset("chat-edit", content="parts", max_images=16),
            Preset("wenwen", content="auto", stream="off"),
            Preset("generic", size="param", honours_n=True, max_images=16),
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


def effective_preset(channel: ChannelSettings) -> Preset:
    """Return the preset of a channel with the channel's own settings applied."""
    preset = preset_named(channel.preset)
    if channel.stream is not None:
        preset = replace(preset, stream=_stream(preset, channel.stream))
    if channel.inline_images is not None:
        preset = replace(preset, inline_images=channel.inline_images)
    if channel.idle_timeout is not None:
        idle = channel.idle_timeout
        preset = replace(preset, idle=idle, first_byte=idle, silent=max(idle, preset.silent))
    if channel.silent_timeout is not None:
        preset = replace(preset, silent=channel.silent_timeout)
    if channel.total_timeout is not None:
        preset = replace(preset, total=channel.total_timeout)
    return preset


def _stream(preset: Preset, setting: Literal["on", "off"]) -> Literal["required", "preferred", "off"]:
    if setting == "off":
        return "off"
    return "preferred" if preset.stream == "off" else preset.stream
