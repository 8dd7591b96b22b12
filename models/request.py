"""Image request: what a job asks of a provider, as the worker and the dialects read it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

OWN_MEMBERS = frozenset({"model", "messages", "stream"})
"""Members of a provider request that Darkroom writes itself; ``params`` can't set them."""

TEXT = "text"
"""Value of a request's ``wants`` for a job whose result is text instead of images."""

SIZE_PATTERN = r"^(auto|[1248]K|[0-9]{1,5}[x:][0-9]{1,5})$"  #: of the text forms
LARGEST_SIDE = 16_384  #: pixels, and parts of a ratio
_SIDES = re.compile(r"(\d{1,5})([x:])(\d{1,5})", re.ASCII)


def wants_text(request: Mapping[str, Any]) -> bool:
    """Return whether a job's request asks for text."""
    return request.get("wants") == TEXT


def image_count(n: object) -> int:
    """Return how many images a request's ``n`` asks for; 1 where it is missing or not a positive integer."""
    return n if isinstance(n, int) and n > 0 else 1


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
        match = _SIDES.fullmatch(text)
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

    @property
    def input_images(self) -> tuple[str, ...]:
        """All images that the request contains, in order."""
        earlier = [part.url for turn in self.messages for part in turn.parts if isinstance(part, ImagePart)]
        return (*earlier, *self.images, *([self.mask] if self.mask else []))
