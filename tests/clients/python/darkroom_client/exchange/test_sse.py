"""Parser of server-sent events."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom_client import InvalidResponse
from darkroom_client.exchange.sse import EventParser, ServerSentEvent

STREAM = (
    "retry: 1000\n\n: still here\n\nid: 1\r\ndata: 猫\r\n\r\nid: 2\rdata: a\rdata:b\r\rdata: c\n\n".encode()
)
EVENTS = [ServerSentEvent("猫", "1"), ServerSentEvent("a\nb", "2"), ServerSentEvent("c", "2")]


def parsed(pieces: list[bytes]) -> list[ServerSentEvent]:
    parser = EventParser()
    return [event for piece in pieces for event in parser.feed(piece)]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_a_stream_gives_the_same_events_however_it_is_cut(places: list[int]) -> None:
    bounds = [0, *sorted(places), len(STREAM)]
    assert parsed([STREAM[a:b] for a, b in itertools.pairwise(bounds)]) == EVENTS


def test_an_event_that_is_not_complete_is_none() -> None:
    assert parsed([b"data: a\n"]) == []


def test_an_endless_event_is_refused() -> None:
    with pytest.raises(InvalidResponse, match="too long"):
        parsed([b"data: " + b"x" * 2**20] * 5)
    with pytest.raises(InvalidResponse, match="too long"):
        parsed([b"data: " + b"x" * 2**20 + b"\n"] * 5)
