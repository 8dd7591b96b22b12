"""Request facts: what a captured request says about its answer: input images, ``n`` and ``stream``."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from worker.upstream.errors.own_text import NO_REQUEST, OwnText

_URL = re.compile(r"https?://[^\s<>\"'`，。；：！？、）】》」』]+|data:image/[^\s<>\"'`)]+", re.IGNORECASE)
_URL_PREFIXES = ("http://", "https://", "data:image/")


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """The part of a request that matters for its answer. ``known``: the request was captured."""

    input_urls: tuple[str, ...] = ()  #: every URL in the request; one repeated in the answer is an echo
    n: int | None = None  #: number of images
    stream: bool = False
    known: bool = False
    own: OwnText = field(default=NO_REQUEST, compare=False, repr=False)  #: the texts that an error may repeat


def request_facts_of(request: Mapping[str, Any]) -> RequestFacts:
    """Return the facts of a chat-completions request body, or of the part that was captured."""
    n = request.get("n")
    if isinstance(n, str) and n.isascii() and n.isdigit():
        n = int(n[:4])
    return RequestFacts(
        input_urls=tuple(dict.fromkeys(_urls(request))),
        n=n if type(n) is int and n > 0 else None,
        stream=request.get("stream") in (True, "true"),
        known=bool(request),
        own=OwnText(request),
    )


def _urls(request: Mapping[str, Any]) -> Iterator[str]:
    """Yield every URL in a request, at any depth."""
    pending: list[object] = [request]
    while pending:
        value = pending.pop()
        if isinstance(value, Mapping):
            pending += value.values()
        elif isinstance(value, list):
            pending += value
        elif isinstance(value, str):
            if value.startswith(_URL_PREFIXES):
                yield value
            for match in _URL.finditer(value):
                yield from _variants(match.group())


def _variants(url: str) -> Iterator[str]:
    """Yield a URL found in text, also without the punctuation or markdown behind it."""
    yield url
    yield url.rstrip(").,;:!?]}")
    yield url.partition(")")[0]
