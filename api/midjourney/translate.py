"""From a prompt's flags to what a chat model understands: parameters, input pictures, and words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import gcd
from typing import Any

from api.midjourney.prompt import Prompt
from models.midjourney.protocol import SEEDS

_SIDE = 16_384
_NO_WORDS = "Draw a new picture from the reference pictures."
_ANIME = "Drawn in the style of Japanese animation."


@dataclass(frozen=True, slots=True)
class Wish:
    """What one picture is asked for with."""

    text: str
    images: Sequence[str] = ()
    size: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


def wish_of(prompt: Prompt, images: Sequence[str] = (), *, anime: bool = False) -> Wish:
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
    return Wish(text, pictures, aspect_of(prompt.flags.get("aspect")), _params(prompt.flags))


def edit_of(prompt: Prompt) -> Wish:
    """Turn a prompt about pictures that are there into a wish; addresses in front stay among its words."""
    wish = wish_of(replace(prompt, images=(), references={}))
    return Wish(" ".join(filter(None, (*prompt.images, wish.text))), size=wish.size)


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
