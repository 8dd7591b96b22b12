"""A call is classified by what its answer says, in a fixed order."""

from typing import Any

import orjson
import pytest

from models.outcomes import CallResult, Outcome, Scope
from worker.upstream.errors.answer_phrases import ANSWER_PHRASES
from worker.upstream.errors.classify import classify
from worker.upstream.errors.error_catalog import ERROR_CATALOG
from worker.upstream.errors.error_codes import CODE_PATTERNS, FINISH_REASONS, HTTP_STATUSES, PROVIDER_CODES
from worker.upstream.errors.error_phrases import ERROR_PHRASES
from worker.upstream.parsing.response_reader import read_answer
from worker.upstream.transport_errors import ERROR_KIND_OF, TransportFailure

IMAGE = "![a](https://h.example/a.png)"


def result_of(
    body: object, status: int = 200, *, headers: dict[str, str] | None = None, elapsed: float = 0
) -> CallResult:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    return classify(read_answer(data, failed=status >= 400), status=status, headers=headers, elapsed=elapsed)


def result_of_text(text: str) -> CallResult:
    return result_of({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})


def error(message: str, http: int, **members: Any) -> CallResult:
    return result_of({"error": {"message": message, **members}}, http)


def test_every_code_phrase_and_status_points_to_an_error_kind() -> None:
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
def test_every_message_says_what_happened_and_what_to_do(name: str) -> None:
    message = ERROR_CATALOG[name].message
    assert message[0].isupper()
    assert message.endswith(".")
    assert ": " in message  # what happened: what to do


@pytest.mark.parametrize("status", [200, 400, 500])
def test_an_image_outranks_everything(status: int) -> None:
    body = {"error": {"message": "boom"}, "choices": [{"message": {"content": f"生成失败 {IMAGE}"}}]}
    assert result_of(body, status).outcome is Outcome.SUCCESS


@pytest.mark.parametrize("failure", TransportFailure)
def test_an_image_outranks_a_broken_connection(failure: TransportFailure) -> None:
    answer = read_answer(f'data: {{"choices":[{{"delta":{{"content":"{IMAGE}"}}}}]}}\n\n'.encode())
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
def test_a_text_instead_of_an_image_is_classified(text: str, outcome: Outcome, code: str) -> None:
    assert (result_of_text(text).outcome, result_of_text(text).code) == (outcome, code)


@pytest.mark.parametrize(
    ("result", "outcome", "code", "scope"),
    [
        (
            result_of({"error": {"code": 0, "message": ""}, "choices": []}),
            Outcome.NO_IMAGE,
            "empty_response",
            None,
        ),
        (
            result_of({"candidates": [{"finishReason": "RECITATION"}]}),
            Outcome.PERMANENT,
            "moderation_output",
            None,
        ),
        (
            result_of({"success": False, "message": "余额不足"}),
            Outcome.NEEDS_HUMAN,
            "quota_exhausted",
            Scope.KEY,
        ),
        (result_of(b"<html>cloudflare</html>", 523), Outcome.RETRY, "origin_unreachable", None),
        (result_of(b"", 520), Outcome.AMBIGUOUS, "gateway_timeout", None),
        (result_of(b""), Outcome.AMBIGUOUS, "empty_response", None),
        (result_of(b'{"choices": [{"mess'), Outcome.AMBIGUOUS, "protocol_error", None),
        (result_of(b"data: [DONE]\n\n"), Outcome.AMBIGUOUS, "empty_response", None),
        (result_of(b"event: error\ndata: upstream gone\n\n"), Outcome.AMBIGUOUS, "stream_error", None),
        (result_of({"task_id": "t", "status": "queued"}), Outcome.PENDING, None, None),
        (result_of({"code": 1, "description": "提交成功", "result": "1749863"}), Outcome.PENDING, None, None),
    ],
)
def test_the_order_of_decision(
    result: CallResult, outcome: Outcome, code: str | None, scope: Scope | None
) -> None:
    assert (result.outcome, result.code, result.scope) == (outcome, code, scope)


def test_a_server_error_after_a_long_call_may_hide_an_image() -> None:
    late = result_of({"error": {"message": "strange"}}, 500, elapsed=31)
    assert (late.outcome, late.code) == (Outcome.AMBIGUOUS, "gateway_timeout")
    assert result_of(b"", 502, elapsed=31).outcome is Outcome.AMBIGUOUS
    assert result_of(b"", 502, elapsed=3).outcome is Outcome.RETRY


def test_a_failure_notice_in_a_cut_stream_is_not_final() -> None:
    chunk = 'data: {"choices":[{"delta":{"content":"❌ 生成失败，正在自动重试..."}}]}\n\n'.encode()
    assert result_of(chunk).code == "stream_truncated"
    assert result_of(chunk + b"data: [DONE]\n\n").code == "upstream_error"


def test_x_should_retry_false_ends_all_retries() -> None:
    result = result_of(b"", 429, headers={"X-Should-Retry": "false"})
    assert (result.outcome, result.code, result.scope) == (Outcome.PERMANENT, "rate_limited", Scope.PROVIDER)


def test_the_providers_message_is_kept_and_capped() -> None:
    assert error("x" * 5000, 400).provider_message == "x" * 2000
    assert error("wrong key: AIza" + "x" * 35, 401).provider_message == "wrong key: [key]"


def test_fewer_images_than_requested_is_a_success_with_a_note() -> None:
    body = {"choices": [{"message": {"content": IMAGE}, "finish_reason": "stop"}]}
    partial = classify(read_answer(orjson.dumps(body), n=2), status=200)
    assert partial.outcome is Outcome.SUCCESS
    assert "fewer" in partial.message
