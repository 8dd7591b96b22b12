"""No bytes crash the parser: mutated, nested or random bodies are all classified."""

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.outcomes import CallResult
from tests.worker.upstream.cases import cases
from worker.upstream.errors.classify import classify
from worker.upstream.parsing.response_reader import AnswerReader, read_answer

pytestmark = pytest.mark.slow(reason="answers are damaged in thousands of ways")

BODIES = sorted({case.body for case in cases() if case.body})
STATUSES = st.sampled_from([200, 202, 400, 429, 500, 503])


def classify_body(data: bytes, status: int = 200, *, complete: bool = True) -> CallResult:
    """Parse in uneven chunks and classify; progress must only increase."""
    reader = AnswerReader(failed=status >= 400, n=2, input_urls=("https://a.example/b.png",))
    seen: list[float] = []
    for start in range(0, len(data), 4099):
        reader.feed(data[start : start + 4099])
        assert reader.progress[: len(seen)] == seen
        seen = list(reader.progress)
    answer = reader.close(complete=complete)
    assert list(answer.progress)[: len(seen)] == seen
    assert seen == sorted(set(seen))
    result = classify(answer, status=status)
    assert result.message
    assert (result.code is None) == bool(answer.images or answer.videos or result.outcome == "pending")
    return result


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A body of the corpus, flipped, cut, doubled and spliced with another."""
    data = bytearray(draw(st.sampled_from(BODIES)))
    for kind in draw(
        st.lists(st.sampled_from(["flip", "cut", "double", "splice", "insert"]), min_size=1, max_size=4)
    ):
        start, end = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
        if kind == "flip" and start < len(data):
            data[start] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del data[start:end]
        elif kind == "double":
            data[start:start] = data[start:end] * draw(st.integers(1, 3))
        elif kind == "splice":
            other = draw(st.sampled_from(BODIES))
            data[start:] = other[draw(st.integers(0, len(other))) :]
        elif kind == "insert":
            data[start:start] = draw(st.binary(max_size=8))
    return bytes(data[:50_000])


@given(mutated(), STATUSES, st.booleans())
@settings(max_examples=300)
def test_no_mutation_of_a_real_answer_crashes_the_parser(data: bytes, status: int, complete: bool) -> None:
    classify_body(data, status, complete=complete)


@given(st.binary(max_size=400), st.sampled_from([200, 400, 429, 503]))
@settings(max_examples=300)
def test_random_bytes_never_raise(data: bytes, status: int) -> None:
    classify_body(data, status)


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
@settings(max_examples=200)
def test_random_json_never_raises(value: object, status: int, streamed: bool) -> None:
    data = orjson.dumps(value)
    body = b"data: " + data + b"\n\ndata: [DONE]\n\n" if streamed else data
    classify_body(body, status)


TEXT = st.text(alphabet='![]()<>`{}":/\\. \nhtps进度progress0123456789%*-,|&;=', max_size=200)


@given(TEXT)
@settings(max_examples=200)
def test_random_text_never_raises(text: str) -> None:
    body = orjson.dumps({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})
    classify_body(body)


DEEP = 100_000


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * DEEP, id="open lists"),
        pytest.param(b'{"a":' * DEEP, id="open objects"),
        pytest.param(b"[" * DEEP + b"]" * DEEP, id="lists"),
        pytest.param(b'{"error":' * DEEP + b"1" + b"}" * DEEP, id="errors"),
        pytest.param(b'{"data":' * 900 + b"1" + b"}" * 900, id="wrappers"),
        pytest.param(b'{"images":' + b"[" * 900 + b"]" * 900 + b"}", id="pictures"),
        pytest.param(orjson.dumps({"choices": [{"message": {"content": "[" * DEEP}}]}), id="lists in words"),
        pytest.param(orjson.dumps({"choices": [{"message": {"content": '{"a":' * DEEP}}]}), id="in words"),
        pytest.param(orjson.dumps({"error": {"message": '{"error":' * DEEP}}), id="in an error"),
        pytest.param(b"1e400", id="a number beyond all"),
        pytest.param(
            b'{"progress":1e400,"code":-1e400,"usage":{"completion_tokens":1e400}}', id="beyond all"
        ),
        pytest.param(b'{"code":' + b"9" * 10_000 + b',"progress":' + b"9" * 10_000 + b"}", id="long numbers"),
        pytest.param(b'{"error":{"message":"\\ud800","code":"\\udfff"}}', id="half a character in an error"),
        pytest.param(b'{"choices":[{"message":{"content":"\\ud800"}}]}', id="half a character"),
        pytest.param(b"\xff\xfe{\x00}\x00", id="UTF-16"),
        pytest.param(b"\x00" * 5000, id="zeros"),
        pytest.param(b"{}" * 50_000, id="many bodies"),
        pytest.param(b"[{" * 2000, id="many openings"),
        pytest.param(b" \n" * 50_000, id="white space"),
        pytest.param(b"\xef\xbb\xbf" * 5000, id="byte order marks"),
    ],
)
@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("streamed", [False, True], ids=["body", "stream"])
def test_no_nesting_or_repetition_crashes_the_parser(body: bytes, status: int, streamed: bool) -> None:
    classify_body(b"data: " + body + b"\n\ndata: [DONE]\n\n" if streamed else body, status)


def test_a_lone_surrogate_in_a_delta_is_no_obstacle() -> None:
    deltas = [b"\\ud83d", b"\\ude00 ![a](https://h.co/x.png)", b"\\udc00"]
    body = b"".join(b'data: {"choices":[{"delta":{"content":"' + text + b'"}}]}\n\n' for text in deltas)
    answer = read_answer(body)
    assert [picture.url for picture in answer.images] == ["https://h.co/x.png"]
