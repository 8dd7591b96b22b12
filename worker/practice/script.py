"""One answer as a plan: what is sent, when, and how it ends. Nothing here sends or waits."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Ending = Literal["clean", "drop", "reset", "hang"]  #: done; closed midway; reset (RST); silent for ever

JSON = "application/json"
HTML = "text/html"
EVENTS = "text/event-stream"
PING = b": PING\n\n"


class Step(NamedTuple):
    """Some bytes, and the seconds to wait before they are sent."""

    after: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Script:
    """One answer. With ``length`` the answer announces that many bytes, whether they come or not.

    A ``Content-Type`` among the headers outranks ``content_type``, which steers how the answer is sent.
    """

    steps: tuple[Step, ...]
    status: int = 200
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    ending: Ending = "clean"
    length: int | None = None
    pause: float = 0.0  #: seconds before the ending, after all steps


def with_pings(steps: Sequence[Step], every: float) -> Iterator[Step]:
    """Fill long silences with comments, as relays do to keep proxies from hanging up."""
    for after, data in steps:
        while after > every:
            yield Step(every, PING)
            after -= every
        yield Step(after, data)


def merged(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Join steps that nothing separates, so that a fast answer is one write."""
    if not any(step.after for step in steps[1:]):
        return (Step(steps[0].after, b"".join(step.data for step in steps)),) if steps else ()
    joined: list[Step] = []
    for step in steps:
        if joined and not step.after:
            joined[-1] = Step(joined[-1].after, joined[-1].data + step.data)
        else:
            joined.append(step)
    return tuple(joined)
