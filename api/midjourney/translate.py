"""Translate a prompt's flags into what chat models understand: parameters, input images and sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import gcd
from typing import Any

from api.midjourney.prompt import ParsedPrompt
from models.midjourney.protocol import Mode
from models.midjourney.seeds import SEED_LIMIT

_MAX_SIDE = 16_384
_NO_TEXT = "Draw a new picture from the reference pictures."
_ANIME = "Drawn in the style of Japanese animation."
_REFERENCES = {
    "sref": "Take the style of reference picture {number}, not what it shows.",
    "cref": "Show the same person as reference picture {number}.",
    "oref": "Show the same thing as reference picture {number}.",
}


@dataclass(frozen=True, slots=True)
class ImageParameters:
    """Parameters of an image call: the model's prompt, input images, size and native parameters."""

    text: str
    images: Sequence[str] = ()
    size: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


def image_parameters(
    prompt: ParsedPrompt, images: Sequence[str] = (), *, anime: bool = False
) -> ImageParameters:
    """Translate a prompt. ``images`` precede the prompt's own; ``anime`` adds that style as a sentence."""
    inputs = [*images, *prompt.images]
    sentences = [prompt.text or (_NO_TEXT if inputs else "")]
    sentences += _weight_sentences(prompt.flags, bool(inputs))
    for name, sentence in _REFERENCES.items():
        for url in prompt.references.get(name, ()):
            inputs.append(url)
            sentences.append(sentence.format(number=len(inputs)))
    sentences += _style_sentences(prompt.flags)
    if anime:
        sentences.append(_ANIME)
    text = "\n".join(sentence for sentence in sentences if sentence)
    return ImageParameters(text, inputs, size_of_ratio(prompt.flags.get("aspect")), _params(prompt.flags))


def edit_parameters(prompt: ParsedPrompt) -> ImageParameters:
    """Translate the prompt of an edit, whose input images are given; URLs in front stay in the text."""
    parameters = image_parameters(replace(prompt, images=(), references={}))
    return ImageParameters(" ".join(filter(None, (*prompt.images, parameters.text))), size=parameters.size)


def size_of_ratio(ratio: str | None) -> str | None:
    """Return ``16:9`` for any spelling of an aspect ratio, or ``None`` if it is not a valid one."""
    if ratio is None:
        return None
    sides = [round(float(side) * 1000) for side in ratio.replace("/", ":").replace("x", ":").split(":")]
    divisor = gcd(*sides)
    if len(sides) != 2 or not all(sides):
        return None
    width, height = (side // divisor for side in sides)
    return f"{width}:{height}" if max(width, height) <= _MAX_SIDE else None


def mode_of(segment: str, body: Mode | None, flags: Mapping[str, str]) -> Mode:
    """Return the mode. The segment before ``/mj`` outranks the body, which outranks the prompt's flags."""
    words = segment.lower().split("-")
    in_segment = next((mode for mode in Mode if mode.lower() in words), None)
    in_flags = next((mode for mode in Mode if mode.lower() in flags), None)
    return in_segment or body or in_flags or Mode.FAST


def _weight_sentences(flags: Mapping[str, str], has_images: bool) -> list[str]:
    weight = _number(flags, "image_weight", 1.0)
    if not has_images or weight == 1:
        return []
    if weight > 1:
        return ["Stay close to the reference pictures."]
    return ["Take the reference pictures as a loose hint."]


def _style_sentences(flags: Mapping[str, str]) -> list[str]:
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
    return {"seed": seed} if 0 <= seed < SEED_LIMIT else {}


def _number(flags: Mapping[str, str], name: str, default: float) -> float:
    return float(flags[name]) if flags.get(name) else default
