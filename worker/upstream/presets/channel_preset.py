"""The preset of a channel, with the channel's own settings applied."""

from dataclasses import replace
from typing import Any, Literal

from models.channels import ChannelSettings, Paths
from worker.upstream.presets.catalog import preset_named
from worker.upstream.presets.preset import Preset

_IMAGES_PATHS = Paths(images="images/generations", edits="images/edits")
#: settings of a channel that replace those of its preset, each under the same name
_REPLACED = (
    "content_style",
    "image_style",
    "size_style",
    "sizes",
    "n_style",
    "edit_style",
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
    if channel.images_endpoint:
        own |= {"images_endpoint": True, "paths": _IMAGES_PATHS, "stream": "off"}
        own = {"n_style": "n", "size_style": "size", **own}
        preset = replace(preset, paths=_IMAGES_PATHS)
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
