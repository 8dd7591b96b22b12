"""Plain chunks of a stream are read on a short way, with the same result as on the full one."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worker.upstream.behaviour.test_hostile_bytes import mutated
from tests.worker.upstream.cases import Case, cases
from worker.upstream.parsing import accumulator
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.response_reader import AnswerReader

URL = "https://cdn.example.com/a.png"
values = st.sampled_from(
    [None, "", "a text", URL, f"![a]({URL})", 7, True, [], {}, [URL], {"url": URL}, {"error": "no"}]
)
chunk_members = st.sampled_from(
    [
        *("id", "object", "created", "model", "system_fingerprint", "service_tier", "usage", "error", "data"),
        *("task_id", "status", "type", "image_url", "prompt", "code", "message", "candidates", "progress"),
    ]
)
delta_members = st.sampled_from(
    [
        "role",
        "content",
        "images",
        "image_url",
        "reasoning",
        "refusal",
        "tool_calls",
        "parts",
        "text",
        "progress",
    ]
)
choices = st.lists(
    st.fixed_dictionaries(
        {
            "index": st.sampled_from([0, 1, "0", None]),
            "delta": st.dictionaries(delta_members, values, max_size=3),
        },
        optional={"message": st.dictionaries(delta_members, values, max_size=3), "finish_reason": values},
    ),
    max_size=2,
)
chunks = st.builds(
    lambda members, own: {**members, "choices": own},
    st.dictionaries(chunk_members, values, max_size=4),
    choices,
)


def both_ways(body: bytes, *, complete: bool = True) -> tuple[Any, Any]:
    """Read an answer on the short way and on the full one."""

    def read() -> tuple[Answer, Any, list[int]]:
        reader = AnswerReader()
        reader.feed(body)
        handles = reader.handles
        return reader.close(complete=complete), handles, list(reader.progress)

    short = read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accumulator, "_PLAIN_CHUNK", frozenset())
        patch.setattr(accumulator, "_PLAIN_DELTA", frozenset())
        return short, read()


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_every_answer_of_the_corpus_is_read_alike(case: Case) -> None:
    short, full = both_ways(case.body)
    assert short == full


@given(mutated(), st.booleans())
@settings(max_examples=150)
def test_every_mutation_of_an_answer_is_read_alike(data: bytes, complete: bool) -> None:
    short, full = both_ways(data, complete=complete)
    assert short == full


@given(st.lists(chunks, min_size=1, max_size=4))
@settings(max_examples=150)
def test_chunks_with_any_members_are_read_alike(sent: list[dict[str, Any]]) -> None:
    short, full = both_ways(b"".join(b"data: %s\n\n" % orjson.dumps(chunk) for chunk in sent))
    assert short == full
