"""What came back is judged by what it says, in a fixed order."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from models.outcomes import Billed, CallResult, Outcome, Scope
from worker.upstream.errors.answer_phrases import ANSWER_PHRASES
from worker.upstream.errors.classify import classify
from worker.upstream.errors.error_catalog import ERROR_CATALOG
from worker.upstream.errors.error_codes import CODE_PATTERNS, FINISH_REASONS, HTTP_STATUSES, PROVIDER_CODES
from worker.upstream.errors.error_phrases import ERROR_PHRASES
from worker.upstream.parsing.response_reader import read_answer
from worker.upstream.transport_errors import ERROR_KIND_OF, TransportFailure

PICTURE = "![a](https://h.example/a.png)"


def verdict(
    body: object, status: int = 200, *, headers: dict[str, str] | None = None, elapsed: float = 0
) -> CallResult:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    return classify(read_answer(data, failed=status >= 400), status=status, headers=headers, elapsed=elapsed)


def said(text: str) -> CallResult:
    return verdict({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})


def error(message: str, http: int, **members: Any) -> CallResult:
    return verdict({"error": {"message": message, **members}}, http)


def test_every_signal_points_to_a_ruling() -> None:
    named = {
        *PROVIDER_CODES.values(),
        *FINISH_REASONS.values(),
        *HTTP_STATUSES.values(),
        *ERROR_KIND_OF.values(),
    }
    named |= {kind for table in (ANSWER_PHRASES, ERROR_PHRASES, CODE_PATTERNS) for _, kind in table}
    assert named <= set(ERROR_CATALOG)
    assert set(ERROR_KIND_OF) == set(TransportFailure)


@pytest.mark.parametrize("name", ERROR_CATALOG)
def test_every_ruling_speaks_plainly(name: str) -> None:
    message = ERROR_CATALOG[name].message
    assert message[0].isupper()
    assert message.endswith(".")
    assert ": " in message  # what happened: what to do


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_picture_beats_everything(status: int) -> None:
    body = {"error": {"message": "boom"}, "choices": [{"message": {"content": f"生成失败 {PICTURE}"}}]}
    assert verdict(body, status).outcome is Outcome.SUCCESS


@pytest.mark.parametrize("failure", TransportFailure)
def test_a_picture_beats_a_broken_connection(failure: TransportFailure) -> None:
    answer = read_answer(f'data: {{"choices":[{{"delta":{{"content":"{PICTURE}"}}}}]}}\n\n'.encode())
    assert classify(answer, status=200, failure=failure).outcome is Outcome.SUCCESS


@pytest.mark.parametrize(
    ("text", "outcome", "code"),
    [
        ("I’m sorry, but I can’t help with that request.", Outcome.PERMANENT, "refusal"),
        ("抱歉，我无法生成这张图片。", Outcome.PERMANENT, "refusal"),
        ("抱歉，目前无法生成图片，请稍后再试。", Outcome.RETRY, "upstream_error"),
        ("We're so sorry, but the prompt may violate our guardrails.", Outcome.PERMANENT, "moderation_input"),
        ("The image we created may violate our guardrails.", Outcome.PERMANENT, "moderation_output"),
        ("您今天的图片生成次数已达上限，请明天再试", Outcome.RETRY, "daily_limit"),
        ("Your image is being generated, please wait.", Outcome.AMBIGUOUS, "deferred_generation"),
        ("Could you please upload the photo you want edited?", Outcome.NO_IMAGE, "needs_input"),
        ("There was an issue generating the image.", Outcome.RETRY, "upstream_error"),
        ("A cat is a small mammal.", Outcome.NO_IMAGE, "no_image"),
        ("", Outcome.NO_IMAGE, "empty_response"),
    ],
)
def test_words_instead_of_a_picture(text: str, outcome: Outcome, code: str) -> None:
    assert (said(text).outcome, said(text).code) == (outcome, code)


MONEY = "You exceeded your current quota, please check your plan and billing details."


@pytest.mark.parametrize(
    ("result", "outcome", "code", "scope"),
    [
        (error(MONEY, 429, type="insufficient_quota"), Outcome.NEEDS_HUMAN, "quota_exhausted", Scope.KEY),
        (error(MONEY, 429, type="upstream_error"), Outcome.RETRY, "upstream_quota", Scope.PROVIDER),
        (error(MONEY, 429, status="RESOURCE_EXHAUSTED"), Outcome.RETRY, "rate_limited", None),
        (error("该令牌额度已用尽", 401), Outcome.NEEDS_HUMAN, "quota_exhausted", Scope.KEY),
        (error("x", 403, code="violation_fee.grok.csam"), Outcome.PERMANENT, "moderation", None),
        (error("x", 503, code="model_not_found"), Outcome.RETRY, "no_channel", Scope.MODEL),
        (error("x", 404, code="model_not_found"), Outcome.NEEDS_HUMAN, "model_not_found", Scope.MODEL),
        (error("您的 IP 不在白名单中", 403), Outcome.NEEDS_HUMAN, "ip_not_allowed", Scope.KEY),
        (error("user quota is not enough", 403), Outcome.NEEDS_HUMAN, "quota_exhausted", Scope.KEY),
        (error("bad response status code 524", 500), Outcome.AMBIGUOUS, "gateway_timeout", None),
        (error("context deadline exceeded", 500), Outcome.AMBIGUOUS, "timeout", None),
        (error("Too many concurrent requests", 429), Outcome.RETRY, "concurrency_limited", None),
        (error("当前模型负载过高", 429), Outcome.RETRY, "upstream_saturated", None),
        (
            verdict({"error": {"code": 0, "message": ""}, "choices": []}),
            Outcome.NO_IMAGE,
            "empty_response",
            None,
        ),
        (
            verdict({"candidates": [{"finishReason": "RECITATION"}]}),
            Outcome.PERMANENT,
            "moderation_output",
            None,
        ),
        (error("strange", 500), Outcome.RETRY, "upstream_error", None),
        (error("strange", 418), Outcome.PERMANENT, "bad_request", None),
        (
            verdict({"success": False, "message": "余额不足"}),
            Outcome.NEEDS_HUMAN,
            "quota_exhausted",
            Scope.KEY,
        ),
        (verdict(b"<html>cloudflare</html>", 523), Outcome.RETRY, "origin_unreachable", None),
        (verdict(b"", 520), Outcome.AMBIGUOUS, "gateway_timeout", None),
        (verdict(b""), Outcome.AMBIGUOUS, "empty_response", None),
        (verdict(b'{"choices": [{"mess'), Outcome.AMBIGUOUS, "protocol_error", None),
        (verdict(b"data: [DONE]\n\n"), Outcome.AMBIGUOUS, "empty_response", None),
        (verdict(b"event: error\ndata: upstream gone\n\n"), Outcome.AMBIGUOUS, "stream_error", None),
        (verdict({"task_id": "t", "status": "queued"}), Outcome.PENDING, None, None),
        (verdict({"code": 1, "description": "提交成功", "result": "1749863"}), Outcome.PENDING, None, None),
    ],
)
def test_the_order_of_decision(
    result: CallResult, outcome: Outcome, code: str | None, scope: Scope | None
) -> None:
    assert (result.outcome, result.code, result.scope) == (outcome, code, scope)


def test_a_server_error_after_long_work_may_hide_a_picture() -> None:
    late = verdict({"error": {"message": "strange"}}, 500, elapsed=31)
    assert (late.outcome, late.code) == (Outcome.AMBIGUOUS, "gateway_timeout")
    assert verdict(b"", 502, elapsed=31).outcome is Outcome.AMBIGUOUS
    assert verdict(b"", 502, elapsed=3).outcome is Outcome.RETRY


def test_a_failure_notice_in_a_cut_stream_is_not_final() -> None:
    chunk = 'data: {"choices":[{"delta":{"content":"❌ 生成失败，正在自动重试..."}}]}\n\n'.encode()
    assert verdict(chunk).code == "stream_truncated"
    assert verdict(chunk + b"data: [DONE]\n\n").code == "upstream_error"


def test_a_fee_for_moderation_is_said_to_be_charged() -> None:
    assert error("x", 403, code="violation_fee.grok.csam").billed is Billed.YES


def test_a_veto_of_the_provider_ends_all_retries() -> None:
    vetoed = verdict(b"", 429, headers={"X-Should-Retry": "false"})
    assert (vetoed.outcome, vetoed.code, vetoed.scope) == (Outcome.PERMANENT, "rate_limited", Scope.PROVIDER)


def test_the_providers_own_words_are_kept_and_capped() -> None:
    assert error("x" * 5000, 400).provider_message == "x" * 2000


def test_fewer_pictures_than_asked_for_is_a_success_that_says_so() -> None:
    body = {"choices": [{"message": {"content": PICTURE}, "finish_reason": "stop"}]}
    partial = classify(read_answer(orjson.dumps(body), n=2), status=200)
    assert partial.outcome is Outcome.SUCCESS
    assert "fewer" in partial.message


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, "", 1.5),
        ({"retry-after": "7.5"}, "", 7.5),
        ({"Retry-After": "-3"}, "", 0),
        ({"retry-after": "Wed, 11 Jun 2025 10:00:30 GMT", "date": "Wed, 11 Jun 2025 10:00:00 GMT"}, "", 30),
        ({"retry-after": "Wed, 11 Jun 2025 10:00:30 GMT"}, "", None),
        ({"retry-after": "soon"}, "try again in 1h 5m", 3900),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1m30s"}, "", 90),
        ({"x-ratelimit-remaining": "5", "x-ratelimit-reset": "1m30s"}, "", None),
        ({}, "Please retry after 43 seconds.", 43),
        ({}, "Please try again in 450ms.", 0.45),
        ({}, "您已达到请求数限制：5分钟内最多请求10次", 300),
        ({}, "请30秒后重试", 30),
        ({}, "slow down", None),
    ],
)
def test_the_providers_own_wait_is_read(headers: dict[str, str], message: str, seconds: float | None) -> None:
    found = verdict({"error": {"message": message}}, 429, headers=headers).retry_after
    assert found == (None if seconds is None else timedelta(seconds=seconds))
