"""Image request: what a job asks of a provider, as the worker and the dialects read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OWN_MEMBERS = frozenset({"model", "messages", "stream"})
"""Members of a provider request that Darkroom writes itself; ``params`` can't set them."""

TEXT = "text"
"""Value of a request's ``wants`` for a job whose result is text instead of images."""


def wants_text(request: Mapping[str, Any]) -> bool:
    """Return whether a job's request asks for text."""
    return request.get("wants") == TEXT


def image_count(n: object) -> int:
    """Return how many images a request's ``n`` asks for; 1 where it is missing or not a positive integer."""
    return n if isinstance(n, int) and n > 0 else 1


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One request for images.

    ``images`` are input images in order, each an http(s) URL or a ``data:`` URL by the time a dialect
    sees it (stored assets, written ``asset_…``, are resolved before). ``size`` is ``WIDTHxHEIGHT`` or
    ``W:H``.
    ``params`` are passed to the provider as further top-level members of the request body.
    """

    model: str
    prompt: str
    images: tuple[str, ...] = ()
    size: str | None = None
    n: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
