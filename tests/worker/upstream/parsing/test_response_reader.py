"""The reader knows handles early, and holds an answer of many megabytes only once."""

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


def base64_chunks() -> Iterator[bytes]:
    yield base64.b64encode(BYTES[:12])
    block = base64.b64encode(BLOCK)
    for _ in range(TIMES):
        yield block
    yield base64.b64encode(BYTES[-9:])


def between(before: bytes, after: bytes) -> Iterator[bytes]:
    yield before
    yield from base64_chunks()
    yield after


def deltas(size: int) -> Iterator[bytes]:
    yield event(b"![cat](" + URL)
    for chunk in base64_chunks():
        for start in range(0, len(chunk), size):
            yield event(chunk[start : start + size])
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


SLOW = pytest.mark.slow(reason="each allocation is traced while thousands of events are read")


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=[SLOW] if "small deltas" in kind else []) for kind in ANSWERS]
)
def test_memory_stays_below_three_times_the_answer(kind: str) -> None:
    size = 0
    tracemalloc.start()
    try:
        reader = AnswerReader()
        for chunk in ANSWERS[kind]():
            size += len(chunk)
            reader.feed(chunk)
        answer = reader.close()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [image.blob for image in answer.images] == [BYTES]
    assert peak < 3 * size
    assert len(reader.raw) < 10_000 or kind.startswith("Markdown over")


def test_an_image_that_arrives_twice_is_stored_once() -> None:
    picture = URL + b"".join(base64_chunks())
    body = b'{"choices":[{"message":{"images":["%b"],"content":"![a](%b)"}}]}' % (picture, picture)
    reader = AnswerReader()
    reader.feed(body)
    assert [image.blob for image in reader.close().images] == [BYTES]
    assert len(reader.blobs) == 1


def test_a_long_input_image_is_not_a_result() -> None:
    picture = (URL + b"".join(base64_chunks())).decode()
    reader = AnswerReader(input_urls=(picture,))
    for chunk in deltas(5000):
        reader.feed(chunk)
    answer = reader.close()
    assert answer.images == ()
    assert answer.echoed


def test_the_reader_knows_handles_before_the_answer_ends() -> None:
    reader = AnswerReader()
    content = "> ID: `task_9`\\n>[Raw data](https://x.asyncdata.net/source/task_9)\\n"
    reader.feed(b'data: {"choices":[{"index":0,"delta":{"content":"' + content.encode() + b'"}}]}\n\n')
    assert (reader.handles.task_id, reader.handles.poll_url) == (
        "task_9",
        "https://x.asyncdata.net/source/task_9",
    )


def test_partial_pictures_are_known_before_the_answer_ends_and_are_no_result() -> None:
    small, large = b"\x89PNG\r\n\x1a\n small", BYTES[: 64 * 1024 - 1]
    reader = AnswerReader()
    for picture in (small, large):
        content = b'"b64_json":"' + base64.b64encode(picture) + b'"'
        for kind in (b"image_generation.partial_image", b"image_edit.partial_image"):
            reader.feed(b'data: {"type":"' + kind + b'",' + content + b"}\n\n")
    for other in (b'"type":"image_generation.partial_image"', b'"type":"a.partial_image","b64_json":"?"'):
        reader.feed(b"data: {" + other + b"}\n\n")
    assert reader.partials == [small, small, large, large]
    end = b'data: {"type":"image_generation.completed","b64_json":"' + base64.b64encode(BYTES) + b'"}\n\n'
    reader.feed(end)
    [image] = reader.close().images
    assert image.blob == BYTES
    assert len(reader.partials) == 4
