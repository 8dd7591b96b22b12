"""What a person saw of an answer is understood, however they wrote it down."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InvalidRequest
from models.outcomes import Billed, Outcome, Scope
from tests.worker.upstream.cases import Case, cases
from worker.upstream.diagnosis.explain import explain
from worker.upstream.diagnosis.observation import observation_of
from worker.upstream.diagnosis.outcome_help import BILLED_HELP, OUTCOME_HELP, SCOPE_HELP
from worker.upstream.diagnosis.transport_phrases import parse_transport_failure
from worker.upstream.transport_errors import TransportFailure

PICTURE = "https://img.example.com/1.png"
ANSWER = {"choices": [{"message": {"content": f"![a]({PICTURE})"}, "finish_reason": "stop"}]}
SPOKEN = {"choices": [{"message": {"content": "A cat is a small animal."}, "finish_reason": "stop"}]}


def explained(**members: Any) -> dict[str, Any]:
    return explain(observation_of(members)).document()


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_every_answer_seen_in_the_wild_is_explained_with_all_that_is_known_of_it(case: Case) -> None:
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
    "members",
    [
        {"status": 200, "body": ANSWER},
        {"status": "200", "body": json.dumps(ANSWER)},
        {"status": 200.0, "body_b64": base64.b64encode(json.dumps(ANSWER).encode()).decode()},
        {"status": 200, "headers": None, "body": ANSWER, "transport": None, "request": "", "anything": 1},
        {"body": ANSWER},
    ],
)
def test_an_answer_may_be_written_down_in_many_ways(members: dict[str, Any]) -> None:
    assert explained(**members)["images"] == [PICTURE]


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "7", "X-Request-Id": "r1"},
        [["retry-after", "7"], ["x-request-id", "r1"]],
        {"retry-after": 7, "x-request-id": ["r1", "r1"]},
        [("RETRY-AFTER", "7"), ("retry-after", "7"), ("x-request-id", "r1")],
    ],
)
def test_headers_may_be_of_any_case_and_come_in_pairs(headers: Any) -> None:
    document = explained(status=429, headers=headers)
    assert (document["retry_after_s"], document["request_id"]) == (7, "r1")


@pytest.mark.parametrize(
    "request_body",
    [
        {"messages": [{"content": [{"type": "image_url", "image_url": {"url": PICTURE}}]}]},
        json.dumps({"messages": [{"content": f"{PICTURE} make it snow"}]}),
        {"messages": [{"content": f"as in ![before]({PICTURE}), but at night"}]},
        {"input_urls": [PICTURE]},
    ],
)
def test_pictures_of_the_request_are_no_results(request_body: Any) -> None:
    document = explained(status=200, body=ANSWER, request=request_body)
    assert (document["outcome"], document["images"]) == ("no_image", [])


def test_the_request_says_how_many_pictures_were_wanted_and_whether_as_a_stream() -> None:
    document = explained(status=200, body=ANSWER, request={"n": 2, "stream": True})
    assert document["partial"] is True
    assert document["text"] == f"![a]({PICTURE})"
    assert "text" not in explained(status=200, body=ANSWER)


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
def test_headers_kept_on_their_own_are_told_from_an_empty_answer(
    members: dict[str, Any], outcome: str, code: str | None
) -> None:
    document = explained(**members)
    assert (document["outcome"], document.get("error_code")) == (outcome, code)


F = TransportFailure


@pytest.mark.parametrize(
    ("words", "failure"),
    [
        *((failure.value, failure) for failure in F),
        ("getaddrinfo ENOTFOUND api.example.com", F.DNS_ERROR),
        ("Temporary failure in name resolution", F.DNS_ERROR),
        ("ConnectTimeout", F.CONNECT_TIMEOUT),
        ("net/http: TLS handshake timeout", F.CONNECT_TIMEOUT),
        ("timeout before sending", F.CONNECT_TIMEOUT),
        ("ECONNREFUSED", F.CONNECT_ERROR),
        ("host unreachable", F.CONNECT_ERROR),
        ("certificate verify failed", F.CONNECT_ERROR),
        ("reset before any byte was sent", F.CONNECT_ERROR),
        ("WriteTimeout", F.WRITE_ERROR),
        ("broken pipe", F.WRITE_ERROR),
        ("connection closed before the request was fully sent", F.WRITE_ERROR),
        ("server closed a reused keep-alive connection", F.STALE_CONNECTION),
        ("invalid URL", F.UNSENDABLE),
        ("ReadTimeout", F.READ_TIMEOUT),
        ("deadline exceeded", F.READ_TIMEOUT),
        ("timeout after the request was sent", F.READ_TIMEOUT),
        ("read: connection timed out", F.READ_TIMEOUT),
        ("connection closed before message completed", F.CONNECTION_RESET),
        ("reset by peer while reading", F.CONNECTION_RESET),
        ("SSL read error: unexpected EOF", F.CONNECTION_RESET),
        ("response exceeds the size limit", F.TOO_LARGE),
        ("gzip decode error", F.UNREADABLE),
    ],
)
def test_failures_of_the_network_are_understood_in_any_words(words: str, failure: TransportFailure) -> None:
    assert parse_transport_failure(words) is failure


@given(st.text(max_size=60))
def test_a_failure_that_nobody_understands_is_never_taken_for_free(words: str) -> None:
    document = explained(status=None, transport=f"qx {words}")
    assert document["outcome"] in ("ambiguous", "retry", "needs_human")
    assert explained(status=None, transport="gremlins")["outcome"] == "ambiguous"
    assert explained(status=None)["error_code"] == "connection_lost"


def test_a_connection_that_breaks_late_was_not_stale() -> None:
    assert explained(transport="stale_connection", elapsed_s=0.2)["outcome"] == "retry"
    assert explained(transport="stale_connection", elapsed_s="40")["outcome"] == "ambiguous"


def test_a_late_server_error_may_hide_a_finished_picture() -> None:
    assert explained(status=500, body="", elapsed_s=1)["error_code"] == "upstream_error"
    assert explained(status=500, body="", elapsed_s=90)["error_code"] == "gateway_timeout"


def test_a_picture_in_a_stream_that_was_cut_is_a_result() -> None:
    body = (
        "data: "
        + json.dumps({"choices": [{"index": 0, "delta": {"content": f"![a]({PICTURE})\n"}}]})
        + "\n\n"
    )
    document = explained(status=200, body=body, transport="connection_reset")
    assert (document["images"], document["incomplete_stream"]) == ([PICTURE], True)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ([], "answer"),
        ("text", "answer"),
        ({}, "status"),
        ({"status": "soon"}, "status"),
        ({"status": True}, "status"),
        ({"status": 99}, "status"),
        ({"status": 200, "headers": "a: b"}, "headers"),
        ({"status": 200, "headers": {"a": {}}}, "headers"),
        ({"status": 200, "headers": [["a"]]}, "headers"),
        ({"status": 200, "headers": 7}, "headers"),
        ({"status": 200, "body": 7}, "body"),
        ({"status": 200, "body_b64": "ä"}, "body_b64"),
        ({"status": 200, "body": "a", "body_b64": "YQ=="}, "body_b64"),
        ({"status": 200, "request": "a cat"}, "request"),
        ({"status": 200, "request": []}, "request"),
        ({"status": None, "transport": 7}, "transport"),
        ({"status": 200, "elapsed_s": -1}, "elapsed_s"),
        ({"status": 200, "elapsed_s": "long"}, "elapsed_s"),
        ({"status": 200, "id": []}, "id"),
    ],
)
def test_what_is_wrong_is_named_with_its_fix(value: object, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        observation_of(value)
    assert caught.value.field == field
    assert caught.value.message


def test_a_body_that_can_not_be_read_is_kept_for_a_person() -> None:
    deep: Any = "x"
    for _ in range(3000):
        deep = [deep]
    with pytest.raises(InvalidRequest, match="nested too deeply"):
        observation_of({"status": 200, "body": deep})


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ANYTHING = st.recursive(
    SCALARS | st.sampled_from([200, 429, "read_timeout", '{"error":{"message":"x"}}', "data: {}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = ["id", "status", "headers", "body", "body_b64", "request", "transport", "model", "elapsed_s"]


def explained_or_refused(value: object) -> dict[str, Any]:
    try:
        return explain(observation_of(value)).document()
    except InvalidRequest as error:
        return {"refused": error.field}


@given(st.dictionaries(st.sampled_from(MEMBERS), ANYTHING))
def test_whatever_is_handed_in_is_explained_or_refused_with_a_reason(value: dict[str, Any]) -> None:
    document = explained_or_refused(value)
    assert document.get("refused", "id") in MEMBERS
    assert json.loads(json.dumps(document, allow_nan=False)).keys() & {"outcome", "refused"}


def test_every_outcome_cost_and_scope_has_its_words() -> None:
    assert set(OUTCOME_HELP) == set(Outcome)
    assert set(BILLED_HELP) == set(Billed)
    assert set(SCOPE_HELP) == set(Scope)


def test_a_limit_that_words_name_is_told() -> None:
    document = explained(status=429, body={"error": {"message": "您已达到请求数限制：5分钟内最多请求10次"}})
    assert document["call_limit"] == {"calls": 10, "period_s": 300}


def test_usage_keeps_figures_and_nothing_else() -> None:
    usage = {"total_tokens": 3, "details": {"image": 2, "note": "x"}, "note": "x"}
    assert explained(status=200, body={**SPOKEN, "usage": usage})["usage"] == {
        "total_tokens": 3,
        "details": {"image": 2},
    }
