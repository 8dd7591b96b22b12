"""How bytes are split on the way makes no difference, and no bytes can break the reader."""

import base64
import itertools
import time

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worker.upstream.cases import Case, cases
from worker.upstream.progress import ProgressMeter
from worker.upstream.reader import AnswerReader, read_answer
from worker.upstream.stream import Event, EventReader
from worker.upstream.verdict import judge

STREAMS = cases("sse")
ENDS = ("\n", "\r", "\r\n")


def events(chunks: list[bytes]) -> list[Event]:
    reader = EventReader()
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


def test_a_line_of_many_megabytes_is_read_once() -> None:
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(15_000_000) + b"IEND\xaeB`\x82")
    line = (
        b'data: {"choices":[{"delta":{"images":[{"b64_json":"'
        + picture
        + b'"}]},"finish_reason":"stop"}]}\n\n'
    )
    reader = AnswerReader()
    started = time.process_time()
    for start in range(0, len(line), 4096):
        reader.feed(line[start : start + 4096])
    assert [found.blob for found in reader.close().images] == [base64.b64decode(picture)]
    assert time.process_time() - started < 3


@pytest.mark.parametrize("case", [*STREAMS, *cases("response")], ids=lambda case: case.id)
def test_every_single_split_of_an_answer_gives_the_same_answer(case: Case) -> None:
    whole = case.answer()
    step = max(1, len(case.body) // 120)
    for point in range(0, len(case.body), step):
        reader = case.reader()
        reader.feed(case.body[:point])
        reader.feed(case.body[point:])
        assert reader.close() == whole


@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case.id)
def test_an_answer_fed_byte_by_byte_is_the_same(case: Case) -> None:
    reader = case.reader()
    for byte in case.body:
        reader.feed(bytes([byte]))
    assert reader.close() == case.answer()


@pytest.mark.parametrize("case", STREAMS, ids=lambda case: case.id)
def test_no_prefix_of_a_stream_shows_what_the_whole_does_not(case: Case) -> None:
    whole = case.answer()
    renderings = {picture.address for picture in whole.images} | set(whole.posters) | set(whole.videos)
    renderings |= {address for picture in whole.images for address in picture.alternates}
    if case.id == "S029":  # a progress mark that counts only as long as no picture follows it
        renderings.add("https://videos.openai.com/vg-assets/x_src_0.png?sig=1")
    for point in range(0, len(case.body), 7):
        reader = case.reader()
        reader.feed(case.body[:point])
        assert tuple(reader.progress) == whole.progress[: len(reader.progress)]
        part = reader.close(complete=False)
        assert part.progress == whole.progress[: len(part.progress)]
        assert {picture.address for picture in part.images} <= renderings


@given(st.binary(max_size=400), st.sampled_from([200, 400, 429, 503]))
@settings(max_examples=300)
def test_random_bytes_never_raise(data: bytes, status: int) -> None:
    assert judge(read_answer(data, failed=status >= 400), status=status).message


MEMBERS = st.sampled_from(
    [
        *("choices", "message", "delta", "content", "images", "image", "image_url", "url", "data", "error"),
        *(
            "code",
            "type",
            "output",
            "candidates",
            "parts",
            "inlineData",
            "metadata",
            "raw",
            "details",
            "status",
        ),
        *("task_id", "id", "index", "usage", "tool_calls", "function", "arguments", "thought", "progress"),
    ]
)
STRINGS = ["https://a.example/b.png", "data:image/png;base64,AAAA", "error", "queued", "{}", '{"a":1}']
JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-5, 600),
        st.floats(allow_nan=False),
        st.text(max_size=12),
        st.sampled_from(STRINGS),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=5),
    max_leaves=20,
)


@given(JSON, st.sampled_from([200, 400, 503]), st.booleans())
@settings(max_examples=500)
def test_random_json_never_raises(value: object, status: int, streamed: bool) -> None:
    data = orjson.dumps(value)
    body = b"data: " + data + b"\n\ndata: [DONE]\n\n" if streamed else data
    assert judge(read_answer(body, failed=status >= 400), status=status).message


TEXT = st.text(alphabet='![]()<>`{}":/\\. \nhtps进度progress0123456789%*-,|&;=', max_size=200)


@given(TEXT)
@settings(max_examples=500)
def test_random_text_never_raises(text: str) -> None:
    body = orjson.dumps({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})
    assert judge(read_answer(body), status=200).message


@given(TEXT, st.lists(st.integers(0, 200)))
def test_progress_is_the_same_for_any_split_and_only_rises(text: str, points: list[int]) -> None:
    whole, parts = ProgressMeter(), ProgressMeter()
    expected = whole.feed(text) + whole.close()
    edges = [0, *sorted(point % (len(text) + 1) for point in points), len(text)]
    found = [value for start, end in itertools.pairwise(edges) for value in parts.feed(text[start:end])]
    found += parts.close()
    assert found == expected == sorted(set(expected))


def test_the_reader_knows_handles_before_the_answer_ends() -> None:
    reader = AnswerReader()
    content = "> ID: `task_9`\\n>[Raw data](https://x.asyncdata.net/source/task_9)\\n"
    reader.feed(b'data: {"choices":[{"index":0,"delta":{"content":"' + content.encode() + b'"}}]}\n\n')
    assert (reader.handles.task_id, reader.handles.poll_url) == (
        "task_9",
        "https://x.asyncdata.net/source/task_9",
    )
