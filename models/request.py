"""Image request: what a job asks of a provider, as the worker and the dialects read it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

_IMAGE_PARTS = ("image_url", "input_image")

OWN_MEMBERS = frozenset({"model", "messages", "stream"})
"""Members of a provider request that Darkroom writes itself; ``params`` can't set them."""

TEXT = "text"
"""Value of a request's ``wants`` for a job whose result is text instead of images."""

ANY = "any"
"""The same for a job whose result is what the model answers: images if there are any, else its text."""

RESPONSE = "response"
"""Member of a job's request: what the document of its response of the OpenAI API repeats."""

CHAT = "chat"
"""Member of a request: the messages of a chat as their client wrote them. In their parts, the URL of an image
is its position among the request's images."""

SIZE_PATTERN = r"^(auto|[1248]K|[0-9]{1,5}[x:][0-9]{1,5})$"  #: of the text forms
LARGEST_SIDE = 16_384  #: pixels, and parts of a ratio
SIDES = frozenset({"left", "top", "right", "bottom"})
"""Members of the ``margins`` by which an input image is enlarged before the call."""

_WIDTH_BY_HEIGHT = re.compile(r"(\d{1,5})([x:])(\d{1,5})", re.ASCII)


def wants_text(request: Mapping[str, Any]) -> bool:
    """Return whether a job's request asks for text."""
    return request.get("wants") == TEXT


def may_be_text(request: Mapping[str, Any]) -> bool:
    """Return whether a text without images is a result of a job's request."""
    return request.get("wants") in (TEXT, ANY)


def chat_images(messages: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return what stands for the URLs of the images in messages of a chat, in order."""
    return [_image_url(part) for message in messages for part in _parts(message) if has_image(part)]


def with_chat_images(messages: Sequence[Mapping[str, Any]], urls: Sequence[Any]) -> list[dict[str, Any]]:
    """Return messages of a chat with the URLs of their images replaced by these, in order."""
    rest = iter(urls)

    def replaced(part: Any) -> Any:
        return _with_url(part, next(rest)) if has_image(part) else part

    return [
        {**message, "content": [replaced(part) for part in message["content"]]}
        if isinstance(message.get("content"), list)
        else dict(message)
        for message in messages
    ]


def has_image(part: object) -> bool:
    """Return whether a part of a message is an image."""
    return isinstance(part, Mapping) and part.get("type") in _IMAGE_PARTS and "image_url" in part


def _image_url(part: Mapping[str, Any]) -> Any:
    image = part["image_url"]
    return image.get("url") if isinstance(image, Mapping) else image


def _with_url(part: Mapping[str, Any], url: Any) -> dict[str, Any]:
    image = part["image_url"]
    return {**part, "image_url": {**image, "url": url} if isinstance(image, Mapping) else url}


def _parts(message: Mapping[str, Any]) -> Sequence[Any]:
    content = message.get("content")
    return content if isinstance(content, list) else ()


def image_count(n: object) -> int:
    """Return how many images a request's ``n`` asks for; 1 where it is missing or not a positive integer."""
    return n if isinstance(n, int) and n > 0 else 1


def request_problems(request: Mapping[str, Any]) -> list[str]:
    """Return what prevents a call of a job's stored request, in words; an empty list if nothing does.

    Only types and positions are judged, by what ``api/jobs`` writes; values are judged where they are used.
    """
    problems = [
        f"{name} is no {what}"
        for name, (is_valid, what) in _MEMBERS.items()
        if request.get(name) is not None and not is_valid(request[name])
    ]
    if problems:
        return problems
    images, turns, mask = request.get("images") or (), request.get("turns") or (), request.get("mask")
    positions = [part["image"] for turn in turns for part in turn["parts"] if "image" in part]
    positions += chat_images(request.get(CHAT) or ())
    if mask is not None:
        positions.append(mask)
    if any(not 0 <= position < len(images) for position in positions):
        problems.append("turns, chat or mask name an image that is not in images")
    needed = _images_to_prepare(request.get("prepare") or {})
    if len(images) - len(set(positions)) < needed:
        problems.append(f"prepare needs {needed} images")
    return problems


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _are_turns(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(turn, Mapping)
        and turn.get("role") in ("user", "assistant")
        and isinstance(turn.get("parts"), list)
        and all(_is_part(part) for part in turn["parts"])
        for turn in value
    )


def _is_part(part: object) -> bool:
    if not isinstance(part, Mapping):
        return False
    return isinstance(part["text"], str) if "text" in part else _is_whole(part.get("image"))


def _are_messages(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(message, Mapping) and all(map(_is_whole, chat_images([message]))) for message in value
    )


def _is_preparation(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    margins = value.get("margins")
    return value.get("cut") is True or (
        isinstance(margins, Mapping) and set(margins) <= SIDES and all(map(_is_number, margins.values()))
    )


def _images_to_prepare(prepare: Mapping[str, Any]) -> int:
    if not prepare:
        return 0
    return 2 if prepare.get("cut") else 1


def _of_type(*types: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, types)


_MEMBERS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "images": (_are_texts, "list of texts"),
    "turns": (_are_turns, "list of turns"),
    CHAT: (_are_messages, "list of messages"),
    "mask": (_is_whole, "position"),
    "n": (_is_whole, "whole number"),
    "size": (_of_type(str), "text"),
    "system": (_of_type(str), "text"),
    "detail": (_of_type(str), "text"),
    "params": (_of_type(Mapping), "object"),
    "prepare": (_is_preparation, "object of margins or cut"),
}


@dataclass(frozen=True, slots=True)
class ImageSize:
    """One size: its text, and its aspect ratio or resolution class if it has one."""

    text: str
    ratio: Fraction | None = None  #: width by height
    resolution: str | None = None  #: 1K, 2K, 4K, 8K: the length of the longer side
    pixels: bool = False  #: whether ``text`` is ``WIDTHxHEIGHT``

    @property
    def ratio_text(self) -> str | None:
        """The ratio in lowest terms, such as ``2:3``."""
        return None if self.ratio is None else f"{self.ratio.numerator}:{self.ratio.denominator}"

    @classmethod
    def parse(cls, text: str) -> "ImageSize":
        """Read ``1024x1536``, ``2:3``, ``2K`` or ``auto``. Raises ``ValueError`` that names these forms."""
        if text == "auto":
            return cls(text)
        if re.fullmatch(r"[1248]K", text):
            return cls(text, resolution=text)
        match = _WIDTH_BY_HEIGHT.fullmatch(text)
        if match is None:
            raise ValueError("write WIDTHxHEIGHT, a ratio such as 16:9, 1K, 2K, 4K, or auto")
        width, height = int(match[1]), int(match[3])
        if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE):
            raise ValueError(f"no side may be 0 or above {LARGEST_SIDE}")
        return cls(text, ratio=Fraction(width, height), pixels=match[2] == "x")


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text of a message."""

    text: str


@dataclass(frozen=True, slots=True)
class ImagePart:
    """Image of a message, an http(s) URL or a ``data:`` URL."""

    url: str


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Literal["user", "assistant"]
    parts: tuple[TextPart | ImagePart, ...]


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One request for images.

    ``images`` are input images in order, each an http(s) URL or a ``data:`` URL by the time a dialect
    sees it (stored assets, written ``asset_…``, are resolved before). ``mask`` is one as well: its
    transparent part is what may change. ``messages`` are the earlier turns of a conversation; the prompt and
    the images are the last one. ``size`` is a text that ``ImageSize`` reads. ``params`` are passed to the
    provider as further top-level members of the request body.
    """

    model: str
    prompt: str
    images: tuple[str, ...] = ()
    size: str | None = None
    n: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    system: str | None = None
    messages: tuple[Message, ...] = ()
    mask: str | None = None
    detail: Literal["low", "high", "auto"] | None = None  #: with which the model looks at input images
    chat: tuple[Mapping[str, Any], ...] = ()  #: messages as their client wrote them, instead of all others

    @property
    def input_images(self) -> tuple[str, ...]:
        """All images that the request contains, in order."""
        if self.chat:
            return tuple(chat_images(self.chat))
        earlier = [part.url for turn in self.messages for part in turn.parts if isinstance(part, ImagePart)]
        return (*earlier, *self.images, *([self.mask] if self.mask else []))


def is_background_response(request: object) -> bool:
    """Return whether a job's request is a response of the OpenAI API that runs in the background."""
    own = request.get(RESPONSE) if isinstance(request, Mapping) else None
    return isinstance(own, Mapping) and own.get("background") is True
