"""What a caller asks for, as the worker and the dialects read it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OWN_MEMBERS = frozenset({"model", "messages", "stream"})
"""Members of a provider's request that we write ourselves; ``params`` can't set them."""

TEXT = "text"
"""What a job ``wants`` that asks for words instead of pictures; they are its result."""


def wants_text(request: Mapping[str, Any]) -> bool:
    """Tell whether a job's request asks for words."""
    return request.get("wants") == TEXT


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One request for pictures.

    ``images`` are input pictures in order, each an http(s) URL or a ``data:`` URL by the time a dialect
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
