"""Relay style: what a relay of one style reads of a request, and where."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.channels import ContentStyle, ImageStyle, NStyle, SizeStyle
from models.errors import InvalidRequest

DEFAULT_SIZE = (512, 512)
_SMALLEST, _LARGEST = 64, 2048
_PIXELS = re.compile(r"(\d{2,5})\s*[x×*]\s*(\d{2,5})", re.IGNORECASE)
_RATIO = re.compile(r"(\d{1,2})\s*[:：]\s*(\d{1,2})")
_IN_SYSTEM = re.compile(r"aspect_ratio=(\d{1,2}:\d{1,2})")
_IN_PROMPT = re.compile(
    r'(?:【\s*|比例\s*|ratio"?\s*[:=]?\s*"?|--ar\s+)(\d{1,2}\s*[:：]\s*\d{1,2})(?!\d)', re.IGNORECASE
)
_SEVERAL = re.compile(r"\((\d+) separate images\)")
_REPEAT = re.compile(r"\brepeat the (?:given )?picture", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>\"'`]+")


@dataclass(frozen=True, slots=True)
class RelayStyle:
    """What a relay of one style understands; ``None``: every place is read."""

    size: SizeStyle | None = None
    n: NStyle | None = None
    content: ContentStyle | None = None
    images: ImageStyle | None = None
    modalities: bool = False  #: images are made only if the member ``modalities`` names them


ANY_STYLE = RelayStyle()  #: reads every place


def requested_size(
    body: Mapping[str, Any], prompt: str, system: str = "", style: SizeStyle | None = None
) -> tuple[int, int]:
    """Return width and height from the place that the style reads, by default from any."""
    generation = body.get("generationConfig")
    places: Mapping[SizeStyle, Any] = {
        "size": body.get("size"),
        "aspect_ratio": body.get("aspect_ratio"),
        "image_config": _member(body.get("image_config"), "aspect_ratio"),
        "imageConfig": _member(_member(generation, "imageConfig"), "aspectRatio"),
        "system": found[1] if (found := _IN_SYSTEM.search(system)) else None,
        "prompt": found[1] if (found := _IN_PROMPT.search(prompt)) else None,
    }
    for place, value in places.items():
        if style in (None, place) and isinstance(value, str) and (size := _parse_size(value)):
            return size
    return DEFAULT_SIZE


def requested_number(body: Mapping[str, Any], prompt: str, style: NStyle | None) -> int:
    """Return how many images a request asks for where the style reads it: 1 to 10."""
    requested = body.get("n") if style in (None, "n") else None
    if style == "prompt" and (found := _SEVERAL.search(prompt)):
        requested = int(found[1])
    return min(max(requested, 1), 10) if isinstance(requested, int) else 1


def _member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def _parse_size(text: str) -> tuple[int, int] | None:
    if found := _PIXELS.fullmatch(text.strip()):
        return _clamp(int(found[1])), _clamp(int(found[2]))
    if (found := _RATIO.fullmatch(text.strip())) and int(found[1]) and int(found[2]):
        share = (int(found[1]) / int(found[2])) ** 0.5
        return _clamp(round(DEFAULT_SIZE[0] * share / 8) * 8), _clamp(round(DEFAULT_SIZE[1] / share / 8) * 8)
    return None


def _clamp(side: int) -> int:
    return min(max(side, _SMALLEST), _LARGEST)


def check_content(messages: Sequence[Any], style: ContentStyle | None) -> None:
    """Raise ``InvalidRequest`` if the content of the user's message has not the form that the style takes."""
    content = _user_content(messages)
    if style == "string" and not isinstance(content, str):
        raise InvalidRequest("messages", "the content must be a string")
    if style == "parts" and not isinstance(content, list):
        raise InvalidRequest("messages", "the content must be a list of parts")


def repeated_image(body: Mapping[str, Any], prompt: str, style: RelayStyle) -> str | None:
    """Return the URL of the input image that a prompt asks to repeat, where the style reads input images."""
    if not _REPEAT.search(prompt):
        return None
    anywhere = style.content is None and style.images is None
    found: list[Any] = []
    if anywhere or style.images == "member":
        listed = body.get("image")
        found += listed if isinstance(listed, list) else []
    if anywhere or style.content == "string":
        found += _URL.findall(prompt)
    if style.content != "string" and style.images != "member":
        found += _part_urls(_user_content(body["messages"]), style)
    return next((url for url in found if isinstance(url, str)), None)


def _part_urls(content: object, style: RelayStyle) -> list[str]:
    """Return the URLs of image parts that the style reads: after the text, or before it."""
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    text_at = next((place for place, part in enumerate(parts) if part.get("type") == "text"), len(parts))
    read = parts[:text_at] if style.content == "images_first" else parts
    urls = (_member(part.get("image_url"), "url") for part in read)
    return [
        url for url in urls if isinstance(url, str) and (style.images != "inlined" or url.startswith("data:"))
    ]


def prompt_of_messages(messages: Sequence[Any]) -> str:
    """Return the text of the last user message."""
    return _text(_user_content(messages))


def system_text(messages: Sequence[Any]) -> str:
    """Return the text of the system messages."""
    found = (each for each in messages if isinstance(each, dict) and each.get("role") == "system")
    return "\n".join(_text(message.get("content")) for message in found)


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (part.get("text") for part in parts if isinstance(part, dict))
    return "\n".join(text for text in texts if isinstance(text, str))


def _user_content(messages: Sequence[Any]) -> object:
    """Return the content of the last user message."""
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role", "user") == "user":
            return message.get("content")
    return None
