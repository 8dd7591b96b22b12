"""What a request that was sent tells about its answer: its own pictures, how many were wanted, and how."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_ADDRESS = re.compile(
    r"https?://[^\s<>\"'`，。；：！？、）】》」』]+|data:image/[^\s<>\"'`)]+", re.IGNORECASE
)
_WHOLE = ("http://", "https://", "data:image/")


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """The part of a request that matters for its answer. ``known``: there was something to read it from."""

    input_urls: tuple[str, ...] = ()  #: every address in it; an answer that repeats one is an echo
    n: int | None = None  #: how many pictures
    stream: bool = False
    known: bool = False


def request_facts_of(request: Mapping[str, Any]) -> RequestFacts:
    """Read the body of a chat-completions request, or as much of it as was kept."""
    n = request.get("n")
    if isinstance(n, str) and n.isascii() and n.isdigit():
        n = int(n[:4])
    return RequestFacts(
        input_urls=tuple(dict.fromkeys(_addresses(request))),
        n=n if type(n) is int and n > 0 else None,
        stream=request.get("stream") in (True, "true"),
        known=bool(request),
    )


def _addresses(request: Mapping[str, Any]) -> Iterator[str]:
    """Yield every address of a request, wherever it stands in it."""
    waiting: list[object] = [request]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            if value.startswith(_WHOLE):
                yield value
            for match in _ADDRESS.finditer(value):
                yield from _readings(match.group())


def _readings(address: str) -> Iterator[str]:
    """Yield an address found in a text, also without the sentence's or the markdown's signs behind it."""
    yield address
    yield address.rstrip(").,;:!?]}")
    yield address.partition(")")[0]
