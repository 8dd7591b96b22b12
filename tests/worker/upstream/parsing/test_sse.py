"""Event streams are split into events in any chunks and with any line ends."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.upstream.parsing.sse import Event, EventStreamParser

ENDS = ("\n", "\r", "\r\n")


def events(chunks: list[bytes]) -> list[Event]:
    reader = EventStreamParser()
    found = [event for chunk in chunks for event in reader.feed(chunk)]
    return found + reader.close()


def cut(data: bytes, points: list[int]) -> list[bytes]:
    edges = [0, *sorted(point % (len(data) + 1) for point in points), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@given(
    lines=st.lists(
        st.sampled_from(["data: a", "data:b", "data", ": ping", "", "event: x", "id: 1", "é", ""])
    ),
    ends=st.lists(st.sampled_from(ENDS), min_size=1),
    points=st.lists(st.integers(0, 400)),
)
def test_any_split_of_a_stream_gives_the_same_events(
    lines: list[str], ends: list[str], points: list[int]
) -> None:
    data = "".join(line + end for line, end in zip(lines, itertools.cycle(ends), strict=False)).encode()
    assert events(cut(data, points)) == events([data]) == events([bytes([byte]) for byte in data])


@pytest.mark.parametrize("end", ENDS)
def test_all_line_ends_mean_the_same(end: str) -> None:
    text = "\ufeff: hi\nevent: error\ndata: a\ndata:b\ndata\n\nretry: 1\n\ndata: c\n\n".replace("\n", end)
    assert events([text.encode()]) == [Event("error", b"a\nb\n"), Event("message", b"c")]


def test_the_end_of_the_stream_completes_an_event_without_an_empty_line() -> None:
    parser = EventStreamParser()
    assert parser.feed(b"event: error\ndata: a") == []
    assert parser.close() == [Event("error", b"a")]
    assert parser.close() == []


def test_an_incomplete_data_line_is_known_and_a_comment_is_not_data() -> None:
    parser = EventStreamParser()
    parser.feed(b": PING")
    assert not parser.in_data
    parser.feed(b"\nda")
    assert not parser.in_data
    parser.feed(b"ta: a")
    assert parser.in_data
