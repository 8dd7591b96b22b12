"""The text of a good answer: what it says of the picture is no failure of the call."""

import pytest

from tests.worker.upstream.answers import text_answer
from worker.upstream.errors.classify_text import classify_text
from worker.upstream.errors.own_text import NO_REQUEST, OwnText


def kind(text: str, own: OwnText = NO_REQUEST, *, cut: bool = False) -> str | None:
    found = classify_text(text_answer(text), own, cut=cut)
    return found.kind if found else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("账户余额不足，请充值后使用", "quota_exhausted"),
        ("图像生成失败: 预扣费额度失败", "quota_exhausted"),
        ("API key has expired", "auth_expired"),
        ("unexpected EOF", "upstream_lost"),
        ("上游连接中断", "upstream_lost"),
        ("connect ECONNREFUSED 10.0.0.1:443", "upstream_error"),
        ("bufio.Scanner: token too long", "too_large_for_relay"),
        ("The operation was aborted due to timeout", "upstream_lost"),
        ("upstream idle timeout exceeded", "timeout"),
        ("提示词包含禁用词", "moderation"),
        ("这个请求我做不到，请换一个主题。", "refusal"),
        ("Ich kann dieses Bild leider nicht erstellen.", "refusal"),
        ("Desculpe, não posso ajudar com isso.", "refusal"),
        ("К сожалению, я не могу создать такое изображение.", "refusal"),
        ("申し訳ございませんが、この画像は生成できません。", "refusal"),
        ("죄송합니다. 그 이미지는 만들 수 없습니다.", "refusal"),
        ("It was a dark and stormy night.", None),
    ],
)
def test_a_failure_is_told_by_the_whole_text(text: str, expected: str | None) -> None:
    assert kind(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "海报上写着余额不足四个大字",
        "A neon billboard with insufficient balance in red letters",
        "A robot holds a sign that says service unavailable",
        "The cartoon shows a connection reset by peer",
        "Here is your poster: too many requests",
        "insufficient balance. " + "A long story of a bank and its customers. " * 12,
    ],
)
def test_a_picture_of_words_is_no_failure(text: str) -> None:
    assert kind(text) is None


def test_words_of_the_request_are_no_failure() -> None:
    assert kind("Insufficient balance!", OwnText({"prompt": "say insufficient balance"})) is None


def test_after_a_failure_in_a_cut_stream_the_provider_may_have_tried_again() -> None:
    assert kind("generation failed", cut=True) is None
    assert kind("账户余额不足", cut=True) == "quota_exhausted"
