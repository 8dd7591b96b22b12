"""Disguised errors: in the text of an answer, behind comments, in capitals, or inside a message."""

import json

import pytest

from tests.worker.upstream.bodies import chat_body, classified, delta, error, stream, summary
from worker.upstream.parsing.response_reader import read_answer

EMPTY, THEIRS = "needs_human quota_exhausted key", "retry upstream_quota provider"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("> ❌ Generation failed\n> Failure reason: content_policy_violation", "permanent moderation"),
        ("> ❌ Generation failed\n> Failure reason: rate_limit_exceeded", "retry rate_limited"),
        ("生成失败 ❌\n失败原因：OutputImageSensitiveContentDetected", "permanent moderation_output"),
        ("生成失败 ❌\n失败原因：internal_error", "retry upstream_error"),
        ("no available image quota", "retry upstream_quota provider"),
        ("无效的令牌", "needs_human auth_invalid key"),
        ("Error: 504", "ambiguous gateway_timeout"),
        ("Error: 429 Too Many Requests", "retry rate_limited"),
        ("任务执行失败", "retry upstream_error"),
        ("看起来您还没有上传图片，请上传后我再帮您修改。", "no_image needs_input"),
        ('{"prompt":"a cat","size":"1024x1024"}', "no_image no_image"),
    ],
)
def test_an_error_that_a_relay_writes_into_its_answer_is_read_as_one(text: str, expected: str) -> None:
    assert summary(classified(200, chat_body(text))) == expected


def test_a_heartbeat_before_a_stream_breaks_off_promises_nothing() -> None:
    assert summary(classified(200, stream(delta("🎨 图像生成中，请稍候...")))) == "ambiguous stream_truncated"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (': PING\n\n{"error":{"message":"上游已饱和"}}'.encode(), "retry upstream_saturated"),
        (b": PING\n\n<html><title>504 Gateway Time-out</title></html>", "ambiguous gateway_timeout"),
        (b': PING\n\n{"data":[{"url":"https://h.example/a.png"}]}', "success"),
    ],
)  # fmt: skip
def test_keep_alive_comments_may_precede_a_body(body: bytes, expected: str) -> None:
    assert summary(classified(200, body)) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"Response": {"Error": {"Code": "RequestLimitExceeded", "Message": "x"}}}, "retry rate_limited"),
        ({"Response": {"Error": {"Code": "AuthFailure.SignatureExpire"}}}, "needs_human auth_invalid key"),
        (
            {"Response": {"Error": {"Code": "OperationDenied.TextIllegalDetected", "Message": "审核不通过"}}},
            "permanent moderation_input",
        ),
        ({"Code": "Throttling.User", "Message": "Request was denied"}, "retry rate_limited"),
    ],
)
def test_clouds_that_write_members_in_capitals_are_understood(body: object, expected: str) -> None:
    assert summary(classified(200, body)) == expected
    assert read_answer(
        json.dumps({"Response": {"Error": {"Code": "x"}, "RequestId": "r-1"}}).encode()
    ).request_id


@pytest.mark.parametrize(
    "message",
    ["该模型不支持图片输入", "model gpt-x does not support image input", "Image input is not supported"],
)
def test_what_a_model_can_not_take_is_wrong_with_the_request_and_not_with_the_model(message: str) -> None:
    assert summary(classified(400, error(message))) == "permanent bad_request"


@pytest.mark.parametrize("message", ["账户余额不足", "Your account balance is insufficient"])
def test_an_empty_balance_behind_a_relay_is_not_ours(message: str) -> None:
    assert summary(classified(403, error(message, type="upstream_error"))) == THEIRS
    assert (
        summary(classified(403, error(message, type="upstream_error", code="insufficient_user_quota")))
        == EMPTY
    )


def test_a_code_within_a_sentence_is_a_code() -> None:
    assert (
        summary(classified(500, error("OutputImageSensitiveContentDetected")))
        == "permanent moderation_output"
    )


def test_many_comments_before_a_body_are_skipped_quickly() -> None:
    assert summary(classified(200, b": PING\n\n" * 200_000 + b'{"error":{"code":"moderation_blocked"}}')) == (
        "permanent moderation"
    )
