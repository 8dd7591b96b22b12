"""From a prompt's flags to what a chat model understands: parameters, input pictures, and words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import gcd
from typing import Any

from api.midjourney.prompt import Prompt
from api.midjourney.responses import SubmitError
from models.channels import ChannelSettings, serves
from models.midjourney.protocol import SEEDS, Bot, Code, Mode
from models.settings import Settings
from worker.upstream.presets import effective_preset

_SIDE = 16_384
_NO_WORDS = "Draw a new picture from the reference pictures."
_ANIME = "Drawn in the style of Japanese animation."


@dataclass(frozen=True, slots=True)
class ImageParameters:
    """What one picture is asked for with."""

    text: str
    images: Sequence[str] = ()
    size: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


def image_parameters_of(
    prompt: Prompt, images: Sequence[str] = (), *, anime: bool = False
) -> ImageParameters:
    """Turn a prompt into a wish. ``images`` come before the prompt's own; ``anime`` asks for it in words."""
    pictures = [*images, *prompt.images]
    sentences = [prompt.text or (_NO_WORDS if pictures else "")]
    sentences += _on_weight(prompt.flags, bool(pictures))
    for name, words in _REFERENCES.items():
        for address in prompt.references.get(name, ()):
            pictures.append(address)
            sentences.append(words.format(number=len(pictures)))
    sentences += _on_style(prompt.flags)
    if anime:
        sentences.append(_ANIME)
    text = "\n".join(sentence for sentence in sentences if sentence)
    return ImageParameters(text, pictures, aspect_of(prompt.flags.get("aspect")), _params(prompt.flags))


def edit_of(prompt: Prompt) -> ImageParameters:
    """Turn a prompt about pictures that are there into a wish; addresses in front stay among its words."""
    parameters = image_parameters_of(replace(prompt, images=(), references={}))
    return ImageParameters(" ".join(filter(None, (*prompt.images, parameters.text))), size=parameters.size)


_REFERENCES = {
    "sref": "Take the style of reference picture {number}, not what it shows.",
    "cref": "Show the same person as reference picture {number}.",
    "oref": "Show the same thing as reference picture {number}.",
}


def _on_weight(flags: Mapping[str, str], pictures: bool) -> list[str]:
    weight = _number(flags, "image_weight", 1.0)
    if not pictures or weight == 1:
        return []
    return [
        "Stay close to the reference pictures."
        if weight > 1
        else "Take the reference pictures as a loose hint."
    ]


def _on_style(flags: Mapping[str, str]) -> list[str]:
    sentences = []
    if flags.get("no"):
        sentences.append(f"Leave out: {flags['no']}.")
    if "tile" in flags:
        sentences.append("Make it a seamless tile that repeats in all directions.")
    if "raw" in flags or flags.get("style") == "raw":
        sentences.append("Keep to these words, without embellishment.")
    elif flags.get("style"):
        sentences.append(f"Style: {flags['style']}.")
    if _number(flags, "stylize", 100) >= 500:
        sentences.append("Make it highly stylised.")
    if _number(flags, "chaos", 0) >= 30:
        sentences.append("Choose an unusual composition.")
    if _number(flags, "weird", 0) >= 250:
        sentences.append("Make it strange and unconventional.")
    return sentences


def _params(flags: Mapping[str, str]) -> dict[str, Any]:
    seed = int(_number(flags, "seed", -1))
    return {"seed": seed} if 0 <= seed < SEEDS else {}


def _number(flags: Mapping[str, str], name: str, default: float) -> float:
    return float(flags[name]) if flags.get(name) else default


def aspect_of(ratio: str | None) -> str | None:
    """Return ``16:9`` for any spelling of an aspect ratio, or ``None`` if there is no such shape."""
    if ratio is None:
        return None
    sides = [round(float(side) * 1000) for side in ratio.replace("/", ":").replace("x", ":").split(":")]
    divisor = gcd(*sides)
    if len(sides) != 2 or not all(sides):
        return None
    width, height = (side // divisor for side in sides)
    return f"{width}:{height}" if max(width, height) <= _SIDE else None


# Which model draws, and in how many calls.


def image_model(settings: Settings, bot: Bot) -> str:
    """Return the model for a drawing style. Raises ``Refusal`` if nobody said which."""
    named = settings.midjourney_niji_model if bot is Bot.NIJI else None
    model = named or settings.midjourney_image_model or _first_named(settings)
    if model is None:
        raise SubmitError(
            Code.FAILURE, "No image model is set. Set DARKROOM_MIDJOURNEY_IMAGE_MODEL and start again."
        )
    return model


def in_words(settings: Settings, bot: Bot) -> bool:
    """Tell whether a drawing style has no model of its own, and is asked for in words."""
    return bot is Bot.NIJI and settings.midjourney_niji_model is None


def _first_named(settings: Settings) -> str | None:
    """Return the first model that a channel names in full."""
    names = (name for channel in settings.all_channels() if channel.enabled for name in channel.models)
    return next((name for name in names if not name.endswith("*")), None)


def draws_many(settings: Settings, model: str) -> bool:
    """Tell whether every channel of a model draws as many pictures in one call as ``n`` says."""
    channels = [channel for channel in settings.all_channels() if _serves(channel, model)]
    return bool(channels) and all(effective_preset(channel).honours_n for channel in channels)


def _serves(channel: ChannelSettings, model: str) -> bool:
    return channel.enabled and serves(channel.models, model)


# How soon a task shall be done: from its address, its body or its prompt; and what that means for jobs.

PRIORITIES: Mapping[Mode, int] = {Mode.RELAX: 3, Mode.FAST: 5, Mode.TURBO: 7}
"""Priorities of jobs: larger is sooner, among a caller's own."""


def mode_of(segment: str, body: Mode | None, flags: Mapping[str, str]) -> Mode:
    """Choose the mode. The segment before ``/mj`` outranks the body, which outranks the prompt's flags."""
    words = segment.lower().split("-")
    named = next((mode for mode in Mode if mode.lower() in words), None)
    flagged = next((mode for mode in Mode if mode.lower() in flags), None)
    return named or body or flagged or Mode.FAST
