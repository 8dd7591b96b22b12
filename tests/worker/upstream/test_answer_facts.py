"""Facts of an answer, as the provider said them."""

from typing import Any

import orjson
import pytest

from worker.upstream.answer_facts import answer_facts
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.response_reader import read_answer

USAGE = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
HEAD = {"id": "chatcmpl-9", "created": 1730454367, "model": "gpt-4o-all"}


def read(*bodies: dict[str, Any], stream: bool = False) -> Answer:
    """Return the answer of a document, or of a stream of these events."""
    if not stream:
        return read_answer(orjson.dumps(bodies[0]))
    events = [b"data: " + orjson.dumps(body) + b"\n\n" for body in bodies]
    return read_answer(b"".join(events) + b"data: [DONE]\n\n")


def choice(member: str, value: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"choices": [{"index": 0, member: value, "finish_reason": finish}]}


@pytest.mark.parametrize("stream", [False, True])
def test_id_model_time_finish_reason_and_usage_are_kept(stream: bool) -> None:
    body = HEAD | choice("delta" if stream else "message", {"content": "hi"}, "stop") | {"usage": USAGE}
    facts = answer_facts(read(body, stream=stream))
    assert facts == {**HEAD, "finish_reason": "stop", "usage": USAGE}


def test_tool_calls_are_put_together_from_a_stream() -> None:
    calls = [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "draw", "arguments": '{"a"'}},
        {"index": 0, "function": {"arguments": ":1}"}},
        {"index": 1, "id": "call_2", "function": {"name": "save", "arguments": "{}"}},
    ]
    events = [choice("delta", {"tool_calls": [call]}) for call in calls]
    facts = answer_facts(read(*events, choice("delta", {}, "tool_calls"), stream=True))
    assert facts is not None
    assert facts["finish_reason"] == "tool_calls"
    assert [call["function"] for call in facts["tool_calls"]] == [
        {"name": "draw", "arguments": '{"a":1}'},
        {"name": "save", "arguments": "{}"},
    ]
    assert [call["id"] for call in facts["tool_calls"]] == ["call_1", "call_2"]


def test_what_is_too_long_is_left_out() -> None:
    body = {"id": "x" * 300, **choice("message", {"content": "hi"}, "stop"), "usage": {"a": "b" * 5000}}
    assert answer_facts(read(body)) == {"finish_reason": "stop"}


def test_an_answer_that_states_nothing_has_none() -> None:
    assert answer_facts(None) is None
    assert answer_facts(Answer()) is None
