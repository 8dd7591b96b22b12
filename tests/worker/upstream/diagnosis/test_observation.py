"""Captured answers are validated; what is wrong is named with its fix."""

import base64
import json
from typing import Any

import pytest

from models.errors import InvalidRequest
from tests.worker.upstream.diagnosis.observations import ANSWER, IMAGE, explained
from worker.upstream.diagnosis.observation import observation_of


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
def test_an_answer_may_be_given_in_several_forms(members: dict[str, Any]) -> None:
    assert explained(**members)["images"] == [IMAGE]


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "7", "X-Request-Id": "r1"},
        [["retry-after", "7"], ["x-request-id", "r1"]],
        {"retry-after": 7, "x-request-id": ["r1", "r1"]},
        [("RETRY-AFTER", "7"), ("retry-after", "7"), ("x-request-id", "r1")],
    ],
)
def test_headers_may_have_any_case_and_be_pairs(headers: Any) -> None:
    document = explained(status=429, headers=headers)
    assert (document["retry_after_s"], document["request_id"]) == (7, "r1")


def test_a_connection_that_breaks_late_was_not_stale() -> None:
    assert explained(transport="stale_connection", elapsed_s=0.2)["outcome"] == "retry"
    assert explained(transport="stale_connection", elapsed_s="40")["outcome"] == "ambiguous"


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
def test_an_invalid_member_is_named_with_its_fix(value: object, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        observation_of(value)
    assert caught.value.field == field
    assert caught.value.message


def test_a_body_nested_too_deeply_is_refused() -> None:
    deep: Any = "x"
    for _ in range(3000):
        deep = [deep]
    with pytest.raises(InvalidRequest, match="nested too deeply"):
        observation_of({"status": 200, "body": deep})
