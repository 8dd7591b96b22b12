"""An answer of many megabytes is held once, and only what it decodes to beside it."""

import base64
import random
import tracemalloc
from collections.abc import Iterator

import pytest

from worker.upstream.parsing.response_reader import AnswerReader

BLOCK = random.Random(3).randbytes(48 * 1024)
TIMES = 200
BYTES = b"\x89PNG\r\n\x1a\n" + bytes(4) + BLOCK * TIMES + b"IEND\xaeB`\x82" + bytes(1)
URL = b"data:image/png;base64,"


def base64_pieces() -> Iterator[bytes]:
    yield base64.b64encode(BYTES[:12])
    block = base64.b64encode(BLOCK)
    for _ in range(TIMES):
        yield block
    yield base64.b64encode(BYTES[-9:])


def between(before: bytes, after: bytes) -> Iterator[bytes]:
    yield before
    yield from base64_pieces()
    yield after


def deltas(size: int) -> Iterator[bytes]:
    yield event(b"![cat](" + URL)
    for piece in base64_pieces():
        for start in range(0, len(piece), size):
            yield event(piece[start : start + size])
    yield event(b")") + b"data: [DONE]\n\n"


def event(text: bytes) -> bytes:
    return b'data: {"choices":[{"index":0,"delta":{"content":"' + text + b'"}}]}\n\n'


IMAGES = b'{"images":[{"image_url":{"url":"' + URL
ANSWERS = {
    "a field of a body": lambda: between(b'{"choices":[{"message":' + IMAGES, b'"}}]}}]}'),
    "one line of a stream": lambda: between(b'data: {"choices":[{"delta":' + IMAGES, b'"}}]}}]}\n\n'),
    "Markdown in a body": lambda: between(
        b'{"choices":[{"message":{"content":"Look: ![a](' + URL, b')\\nDone."}}]}'
    ),
    "Markdown over small deltas": lambda: deltas(3001),
    "Markdown over long deltas": lambda: deltas(70_001),
    "nothing but base64": lambda: between(b"", b""),
    "a data URL in a list": lambda: between(b'[{"b64_json":"', b'"}]'),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_memory_stays_below_three_times_the_answer(kind: str) -> None:
    size = 0
    tracemalloc.start()
    try:
        reader = AnswerReader()
        for piece in ANSWERS[kind]():
            size += len(piece)
            reader.feed(piece)
        answer = reader.close()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [picture.blob for picture in answer.images] == [BYTES]
    assert peak < 3 * size
    assert len(reader.raw) < 10_000 or kind.startswith("Markdown over")


def test_a_picture_that_comes_twice_is_kept_once() -> None:
    picture = URL + b"".join(base64_pieces())
    body = b'{"choices":[{"message":{"images":["%b"],"content":"![a](%b)"}}]}' % (picture, picture)
    reader = AnswerReader()
    reader.feed(body)
    assert [picture.blob for picture in reader.close().images] == [BYTES]
    assert len(reader.blobs) == 1


def test_a_long_input_picture_is_no_result() -> None:
    picture = (URL + b"".join(base64_pieces())).decode()
    reader = AnswerReader(input_urls=(picture,))
    for piece in deltas(5000):
        reader.feed(piece)
    answer = reader.close()
    assert answer.images == ()
    assert answer.echoed
