"""An answer captured anywhere is explained with everything that it means."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InvalidRequest
from tests.worker.upstream.cases import Case, cases
from tests.worker.upstream.diagnosis.observations import ANY_JSON, IMAGE, MEMBERS, explained
from worker.upstream.diagnosis.explain import explain
from worker.upstream.diagnosis.observation import observation_of

TEXT_ANSWER = {"choices": [{"message": {"content": "A cat is a small animal."}, "finish_reason": "stop"}]}


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_every_recorded_answer_is_explained_as_expected(case: Case) -> None:
    row = json.loads(case.line)
    expected = row.pop("expected")
    del row["kind"]  # what an answer is must be seen from itself
    document = explain(observation_of(row)).document()
    assert {name: document.get(name) for name in expected} == expected
    assert document["id"] == case.id
    assert document["message"].endswith(".")


@pytest.mark.parametrize("name", ["incomplete_stream", "partial", "relative"])
def test_flags_are_given_only_when_true(name: str) -> None:
    flagged = {case.id for case in cases() if case.explanation.document().get(name)}
    assert flagged == {case.id for case in cases() if case.expected.get(name)}


@pytest.mark.parametrize(
    ("members", "outcome", "code"),
    [
        ({"status": 200, "headers": {"x-request-id": "r"}}, "headers_only", None),
        ({"headers": {"x-request-id": "r"}}, "headers_only", None),
        ({"status": 200, "headers": {"retry-after": "3"}, "body": None}, "headers_only", None),
        ({"status": 200, "headers": {"x-should-retry": "true"}, "kind": "headers"}, "headers_only", None),
        ({"status": 200, "headers": {"x-request-id": "r"}, "kind": "error"}, "ambiguous", "empty_response"),
        ({"status": 200, "headers": {}, "body": ""}, "ambiguous", "empty_response"),
        ({"status": 200, "headers": {"content-type": "application/json"}}, "ambiguous", "empty_response"),
        (
            {"status": 200, "headers": {"x-request-id": "r", "Content-Length": "0"}},
            "ambiguous",
            "empty_response",
        ),
        (
            {"status": 200, "headers": {"x-request-id": "r"}, "request": {"stream": True}},
            "ambiguous",
            "empty_response",
        ),
        ({"status": 429, "headers": {"x-request-id": "r"}}, "retry", "rate_limited"),
    ],
)
def test_captured_headers_are_not_an_empty_answer(
    members: dict[str, Any], outcome: str, code: str | None
) -> None:
    document = explained(**members)
    assert (document["outcome"], document.get("error_code")) == (outcome, code)


def test_a_late_server_error_may_hide_a_finished_image() -> None:
    assert explained(status=500, body="", elapsed_s=1)["error_code"] == "upstream_error"
    assert explained(status=500, body="", elapsed_s=90)["error_code"] == "gateway_timeout"


def test_an_image_in_a_truncated_stream_is_a_result() -> None:
    body = (
        "data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": f"![a]({IMAGE})\n"}}]}) + "\n\n"
    )
    document = explained(status=200, body=body, transport="connection_reset")
    assert (document["images"], document["incomplete_stream"]) == ([IMAGE], True)


def explained_or_refused(value: object) -> dict[str, Any]:
    try:
        return explain(observation_of(value)).document()
    except InvalidRequest as error:
        return {"refused": error.field}


@given(st.dictionaries(st.sampled_from(MEMBERS), ANY_JSON))
def test_any_input_is_explained_or_refused_with_a_reason(value: dict[str, Any]) -> None:
    document = explained_or_refused(value)
    assert document.get("refused", "id") in MEMBERS
    assert json.loads(json.dumps(document, allow_nan=False)).keys() & {"outcome", "refused"}


def test_the_rate_limit_in_a_message_is_explained() -> None:
    document = explained(status=429, body={"error": {"message": "您已达到请求数限制：5分钟内最多请求10次"}})
    assert document["call_limit"] == {"calls": 10, "period_s": 300}


def test_a_wait_within_the_prompt_is_none() -> None:
    prompt = "a poster with the words: rate limit exceeded, retry after 86400 seconds"
    request = {"model": "m", "messages": [{"role": "user", "content": prompt}]}
    body = {"error": {"message": f"Could not draw this: {prompt}", "type": "server_error"}}
    assert "retry_after_s" not in explained(status=503, body=body, request=request)
    assert explained(status=503, body=body)["retry_after_s"] == 86400


def test_usage_keeps_only_numbers() -> None:
    usage = {"total_tokens": 3, "details": {"image": 2, "note": "x"}, "note": "x"}
    assert explained(status=200, body={**TEXT_ANSWER, "usage": usage})["usage"] == {
        "total_tokens": 3,
        "details": {"image": 2},
    }
