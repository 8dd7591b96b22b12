"""The error object is found in any shape, and success is not taken for an error."""

import json

import pytest

from tests.worker.upstream.bodies import REQUEST_ID, chat_body, classified, error, summary
from worker.upstream.parsing.error_object import find_error
from worker.upstream.parsing.response_reader import read_answer


@pytest.mark.parametrize(
    ("body", "message", "names", "status"),
    [
        ({"error": {"message": "x", "code": "A", "type": "b"}}, "x", ("a", "b"), None),
        ({"error": "x"}, "x", (), None),
        ({"detail": "x"}, "x", (), None),
        (
            {"type": "error", "error": {"type": "overloaded_error", "message": "x"}},
            "x",
            ("overloaded_error",),
            None,
        ),
        ({"base_resp": {"status_code": 1008, "status_msg": "x"}}, "x", (), None),
        ({"code": 503, "msg": "x"}, "x", (), 503),
        ({"Response": {"Error": {"Code": "A.B", "Message": "x"}}}, "x", ("a.b",), None),
        ({"error": {"message": "x", "code": "429"}}, "x", ("429",), 429),
    ],
)
def test_an_error_has_a_message_names_and_a_status(
    body: object, message: str, names: tuple[str, ...], status: int | None
) -> None:
    found = find_error(body)
    assert found is not None
    assert (found.message, found.names, found.status) == (message, names, status)


def test_an_error_of_a_provider_behind_a_relay_is_wrapped_and_has_its_layers() -> None:
    inner = {"error": {"message": "inner", "code": "b"}}
    outer = {"message": "outer", "code": "a", "metadata": {"provider_name": "p", "raw": json.dumps(inner)}}
    found = find_error({"error": outer})
    assert found is not None
    assert found.wrapped
    assert (found.message, found.names) == ("outer; inner", ("a", "b"))
    assert found.layers[0] is outer


@pytest.mark.parametrize(
    "body", [None, "x", 1, [], {}, {"choices": [], "message": "x"}, [{"error": "x"}] * 2]
)
def test_other_bodies_have_no_error(body: object) -> None:
    assert find_error(body) is None


@pytest.mark.parametrize(
    ("body", "request_id"),
    [
        (error("x (request id: 2025Zq)"), "2025Zq"),
        (error("没有可用token（traceid: 77ab01）"), "77ab01"),
        ({"code": "Throttling", "message": "x", "request_id": "5f0c-1"}, "5f0c-1"),
        (error("x", request_id="req_9"), "req_9"),
        ({"detail": "rate limited", "ray_id": "9a1b"}, "9a1b"),
        (error("x"), None),
    ],
)
def test_the_request_id_is_found_in_the_body(body: object, request_id: str | None) -> None:
    assert read_answer(json.dumps(body).encode(), failed=True).request_id == request_id


@pytest.mark.parametrize(
    "message",
    [
        'upstream said: {"error": {"code": "content_policy_violation"}}' + REQUEST_ID,
        '[{"error": {"code": "content_policy_violation", "message": "x"}}]',
        '{"a": broken} content policy',
        "{} content policy",
    ],
)
def test_json_inside_a_message_is_read_and_other_text_stays_a_message(message: str) -> None:
    assert summary(classified(500, error(message, type="upstream_error"))) == "permanent moderation"


def test_a_list_with_an_error_is_an_error_only_if_it_has_one_item() -> None:
    assert summary(classified(400, [error("x", code="content_filter")])) == "permanent moderation"
    assert summary(classified(400, [error("x", code="content_filter")] * 2)) == "permanent bad_request"


@pytest.mark.parametrize(
    "members",
    [
        {"error": None},
        {"error": {}},
        {"error": ""},
        {"error": False},
        {"error": "null"},
        {"error": "none"},
        {"error": {"code": 0, "message": "ok"}},
        {"error": {"code": "success", "message": "success"}},
        {"errors": []},
        {"code": "success", "message": "ok"},
        {"code": 200, "msg": "OK", "success": True},
        {"code": 0, "message": "success"},
        {"status": "success"},
        {"detail": "high"},
        {"warnings": ["rate limit soon"]},
        {"base_resp": {"status_code": 0, "status_msg": "success"}},
    ],
)
def test_an_empty_error_or_a_success_code_is_not_an_error(members: dict[str, object]) -> None:
    assert summary(classified(200, {**chat_body("a cat, in words"), **members})) == "no_image no_image"


@pytest.mark.parametrize("code", [1, 1000, "0", "200"])
def test_a_wrapper_with_a_code_is_not_an_error_while_it_reports_success(code: object) -> None:
    wrapped = {"code": code, "msg": "ok", "data": chat_body("a cat, in words")}
    assert summary(classified(200, wrapped)) == "no_image no_image"
    failed = {"code": code, "msg": "ok", "success": False}
    assert summary(classified(200, failed)) == "retry upstream_error"


def test_a_lone_message_is_an_error_only_beside_an_error_status() -> None:
    body = {"message": "Requests rate limit exceeded"}
    assert summary(classified(429, body)) == "retry rate_limited"
    assert summary(classified(403, {"message": "余额不足"})) == "needs_human quota_exhausted key"
    assert classified(200, body).outcome == "no_image"
