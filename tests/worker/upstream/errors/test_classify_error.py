"""Error objects are classified by code, then phrase, then status; each may be ours or the relay's."""

from typing import Any

import pytest

from models.outcomes import Billed, Outcome, Scope
from tests.worker.upstream.bodies import classified, delta, error, stream
from worker.upstream.errors.classify_error import kind_of_error
from worker.upstream.errors.error_codes import kind_of_code_in
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.error_object import ErrorObject

QUOTA = "You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize(
    ("status", "body", "outcome", "code", "scope"),
    [
        (429, error(QUOTA, type="insufficient_quota"), Outcome.NEEDS_HUMAN, "quota_exhausted", Scope.KEY),
        (429, error(QUOTA, type="upstream_error"), Outcome.RETRY, "upstream_quota", Scope.PROVIDER),
        (429, error(QUOTA, status="RESOURCE_EXHAUSTED"), Outcome.RETRY, "rate_limited", None),
        (401, error("该令牌额度已用尽"), Outcome.NEEDS_HUMAN, "quota_exhausted", Scope.KEY),
        (403, error("x", code="violation_fee.grok.csam"), Outcome.PERMANENT, "moderation", None),
        (503, error("x", code="model_not_found"), Outcome.RETRY, "no_channel", Scope.MODEL),
        (404, error("x", code="model_not_found"), Outcome.NEEDS_HUMAN, "model_not_found", Scope.MODEL),
        (403, error("您的 IP 不在白名单中"), Outcome.NEEDS_HUMAN, "ip_not_allowed", Scope.KEY),
        (403, error("user quota is not enough"), Outcome.NEEDS_HUMAN, "quota_exhausted", Scope.KEY),
        (500, error("bad response status code 524"), Outcome.AMBIGUOUS, "gateway_timeout", None),
        (500, error("context deadline exceeded"), Outcome.AMBIGUOUS, "timeout", None),
        (429, error("Too many concurrent requests"), Outcome.RETRY, "concurrency_limited", None),
        (429, error("当前模型负载过高"), Outcome.RETRY, "upstream_saturated", None),
        (500, error("strange"), Outcome.RETRY, "upstream_error", None),
        (418, error("strange"), Outcome.PERMANENT, "bad_request", None),
    ],
)
def test_an_error_object_is_classified(
    status: int, body: dict[str, Any], outcome: Outcome, code: str, scope: Scope | None
) -> None:
    result = classified(status, body)
    assert (result.outcome, result.code, result.scope) == (outcome, code, scope)


def test_a_moderation_fee_is_billed() -> None:
    assert classified(403, error("x", code="violation_fee.grok.csam")).billed is Billed.YES


def kind(message: str = "", *names: str, status: int | None = None, **members: Any) -> str:
    return kind_of_error(Answer(error=ErrorObject(message=message, names=names, **members)), status)


def test_a_code_outranks_the_message_and_the_message_outranks_the_status() -> None:
    assert kind("rate limit reached", "invalid_api_key", status=500) == "auth_invalid"
    assert kind("rate limit reached", "strange", status=500) == "rate_limited"
    assert kind("strange", "strange", status=429) == "rate_limited"


def test_a_status_in_place_of_a_code_outranks_one_in_the_message_and_the_http_status() -> None:
    assert kind_of_error(Answer(error=ErrorObject("http status 404", status=413)), 500) == "payload_too_large"
    assert kind_of_error(Answer(error=ErrorObject("http status 404")), 500) == "wrong_endpoint"


@pytest.mark.parametrize(
    ("message", "names", "expected"),
    [
        ("per day", ("rate_limit_exceeded",), "daily_limit"),
        ("too many concurrent requests", ("rate_limit_exceeded",), "concurrency_limited"),
        ("the key has expired", ("invalid_api_key",), "auth_expired"),
        ("image returned status code 404", ("invalid_image_url",), "input_image_gone"),
    ],
)
def test_a_phrase_makes_a_broad_code_precise(message: str, names: tuple[str, ...], expected: str) -> None:
    assert kind(message, *names) == expected


@pytest.mark.parametrize("code", ["invalid_api_key", "token_expired", "account_suspended"])
def test_a_relays_own_key_is_no_matter_of_ours(code: str) -> None:
    assert kind("x", code, wrapped=True) == "upstream_auth"
    assert kind("x", code) != "upstream_auth"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("failed with insufficient_user_quota today", "quota_exhausted"),
        ("code: inputtextsensitivecontentdetected", "moderation_input"),
        ("safety first", None),
        ("a plain sentence", None),
    ],
)
def test_a_code_is_found_within_a_sentence(text: str, expected: str | None) -> None:
    assert kind_of_code_in(text) == expected


def test_an_error_within_a_stream_may_have_come_after_the_image_was_made() -> None:
    assert classified(200, stream(delta("drawing"), error("strange"))).code == "stream_error"
    assert classified(200, stream(delta("drawing"), error("strange", code=429))).code == "rate_limited"
    assert classified(200, stream(delta("drawing"), error("strange", code=503))).code == "upstream_error"
