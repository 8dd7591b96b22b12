"""What an error says about whom: a caller's own words never concern the channel."""

import json
from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.outcomes import CallResult, Outcome, Sign
from tests.worker.upstream.bodies import chat_body, delta, error, stream
from worker.upstream.errors.classify import classify
from worker.upstream.errors.own_text import OwnText
from worker.upstream.parsing.response_reader import read_answer

#: words that would concern the channel if they were the provider's
CHANNEL_WORDS = (
    "insufficient balance",
    "用户余额不足，请充值",
    "incorrect api key provided",
    "your account has been suspended",
    "not permitted",
    "permission denied",
    "rate limit exceeded, retry after 86400 seconds",
    "当前分组上游负载已饱和",
    "no available channel for this model",
    "model does not exist",
)


def request_of(prompt: str, **params: Any) -> dict[str, Any]:
    return {"model": "m", "stream": True, "messages": [{"role": "user", "content": prompt}], **params}


def result_of(status: int, body: object, request: dict[str, Any] | None = None) -> CallResult:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    answer = read_answer(data, failed=status >= 400)
    return classify(answer, status=status, own=OwnText(orjson.dumps(request or {})))


VALIDATION = [
    {
        "detail": [
            {"type": "extra_forbidden", "loc": ["body", "style"], "msg": "Extra inputs are not permitted"}
        ]
    },
    {"detail": [{"loc": ["body", "n"], "msg": "value is not a valid integer", "type": "type_error.integer"}]},
    error("Extra inputs are not permitted", type="invalid_request_error", code="400"),
    error(
        "[{'type': 'extra_forbidden', 'loc': ('body', 'x'), 'msg': 'Extra inputs are not permitted'}]",
        type="BadRequestError",
        code=400,
    ),
    error(
        "1 validation error for ChatRequest\nstyle\n  Extra inputs are not permitted", type="new_api_error"
    ),
    error("The parameter is not permitted for your account.", type="invalid_request_error", param="style"),
    error("Unrecognized request argument supplied: style", type="invalid_request_error", param=None),
    error("Additional properties are not allowed ('style' was unexpected)", code=None),
    {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "Invalid JSON payload received."}},
    {"issues": [{"code": "unrecognized_keys", "path": ["style"]}], "message": "style is not permitted"},
    {"code": 400, "message": "参数 style 不合法，无权使用"},
    {"errors": [{"pointer": "/style", "detail": "is forbidden"}], "title": "Your request is not valid"},
    {"success": False, "error": "body/style must NOT have additional properties"},
]


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("body", VALIDATION, ids=range(len(VALIDATION)))
def test_a_validation_error_concerns_its_request_alone(body: object, status: int) -> None:
    result = result_of(status, body)
    assert (result.outcome, result.code, result.scope) == (Outcome.PERMANENT, "bad_request", None)


@pytest.mark.parametrize("words", CHANNEL_WORDS)
@pytest.mark.parametrize("status", [400, 422, 500])
def test_an_error_that_repeats_the_prompt_says_nothing_of_the_channel(words: str, status: int) -> None:
    prompt = f"A street at night with a sign: {words}"
    for echo in (prompt, prompt.upper(), json.dumps(prompt), prompt[3:], prompt[:-2]):
        result = result_of(status, error(f"Could not draw this: {echo}"), request_of(prompt))
        assert result.scope is None, echo
        assert result.outcome in (Outcome.PERMANENT, Outcome.RETRY), echo
        assert result.retry_after is None, echo


@given(
    st.text(max_size=200), st.sampled_from(CHANNEL_WORDS), st.text(max_size=200), st.sampled_from([400, 422])
)
def test_no_prompt_within_an_error_makes_it_concern_the_channel(
    before: str, words: str, after: str, status: int
) -> None:
    prompt = f"{before} {words} {after}"
    result = result_of(status, error(f"Invalid request. Received: {json.dumps(prompt)}"), request_of(prompt))
    assert result.scope is None
    assert result.outcome is Outcome.PERMANENT


@pytest.mark.parametrize("words", CHANNEL_WORDS)
def test_a_parameter_named_like_an_error_is_no_code(words: str) -> None:
    name = words.replace(" ", "_")
    body = error(
        f"Unknown parameter: '{name}'.", type="invalid_request_error", param=name, code="unknown_parameter"
    )
    result = result_of(400, body, request_of("a cat", **{name: 1}))
    assert (result.outcome, result.code, result.scope) == (Outcome.PERMANENT, "bad_request", None)


def test_a_parameter_named_like_a_code_is_no_code() -> None:
    body = error("Unexpected value.", type="invalid_request_error", param="insufficient_quota")
    result = result_of(400, body, request_of("a cat", insufficient_quota=1))
    assert (result.outcome, result.scope) == (Outcome.PERMANENT, None)


@pytest.mark.parametrize("words", CHANNEL_WORDS)
@pytest.mark.parametrize("quotes", ["“{}”", '"{}"', "「{}」", "'{}'", "`{}`"])
def test_quoted_words_of_a_good_answer_are_no_failure(words: str, quotes: str) -> None:
    for text in (f"The sign reads {quotes.format(words)}", f"海报上是{quotes.format(words)}几个大字。"):
        result = result_of(200, chat_body(text))
        assert (result.outcome, result.code) == (Outcome.NO_IMAGE, "no_image"), text


@pytest.mark.parametrize("words", CHANNEL_WORDS)
def test_words_that_the_prompt_asks_for_are_no_failure(words: str) -> None:
    request = request_of(f"Answer with exactly these words and nothing else: {words}")
    for body in (chat_body(words), chat_body(words.capitalize() + "!")):
        result = result_of(200, body, request)
        assert (result.outcome, result.code) == (Outcome.NO_IMAGE, "no_image")


@pytest.mark.parametrize("words", CHANNEL_WORDS)
def test_words_of_a_good_answer_prove_nothing_beyond_its_job(words: str) -> None:
    embedded = json.dumps({"error": {"message": words, "code": "insufficient_user_quota"}})
    bodies = (
        orjson.dumps(chat_body(words)),
        stream(delta(words, "stop")),
        orjson.dumps(chat_body(embedded)),
        orjson.dumps(chat_body(f"```json\n{embedded}\n```")),
        orjson.dumps(chat_body(None, refusal=words)),
    )
    for body in bodies:
        result = result_of(200, body)
        assert result.outcome is Outcome.NO_IMAGE or result.sign is Sign.CONTENT, body


def test_a_code_and_a_confirming_status_are_certain_and_words_alone_are_not() -> None:
    assert result_of(400, error("x", code="insufficient_user_quota")).sign is Sign.CERTAIN
    assert result_of(200, error("x", code="insufficient_user_quota")).sign is Sign.CERTAIN
    assert result_of(401, error("Incorrect API key provided")).sign is Sign.CERTAIN
    assert result_of(403, error("用户已被封禁")).sign is Sign.CERTAIN
    assert result_of(400, error("insufficient balance")).sign is Sign.WORDS
    assert result_of(403, error("strange")).sign is Sign.WORDS
    assert result_of(403, b"strange").sign is Sign.WORDS


@pytest.mark.parametrize(
    "message",
    [
        "提示词包含禁用词",
        "Your prompt contains forbidden words",
        'the word "blood" is banned',
        "This content is not permitted",
        "Image of this person is forbidden",
        "画面内容涉及暴力",
    ],
)
@pytest.mark.parametrize("status", [400, 403])
def test_a_refused_prompt_never_concerns_the_channel(message: str, status: int) -> None:
    result = result_of(status, error(message))
    assert (result.outcome, result.scope) == (Outcome.PERMANENT, None)


@pytest.mark.parametrize(
    ("status", "message", "code", "scope"),
    [
        (403, "Image generation is not allowed for this key", "permission_denied", "key"),
        (403, "Your account is banned", "account_blocked", "key"),
        (403, "用户已被封禁", "account_blocked", "key"),
        (403, "无权访问模型 gpt-image-1", "permission_denied", "model"),
        (401, "Incorrect API key provided", "auth_invalid", "key"),
    ],
)
def test_a_refused_key_is_not_taken_for_a_refused_prompt(
    status: int, message: str, code: str, scope: str
) -> None:
    result = result_of(status, error(message))
    assert (result.outcome, result.code, result.scope) == (Outcome.NEEDS_HUMAN, code, scope)


def test_a_channel_rests_two_hours_at_most_because_of_a_sentence() -> None:
    said = result_of(429, error("Rate limit reached, retry after 86400 seconds"))
    assert (said.retry_after, said.channel_rest) == (timedelta(days=1), timedelta(hours=2))
    member = result_of(429, error("Rate limit reached", retry_after=86400))
    assert (member.retry_after, member.channel_rest) == (timedelta(days=1), None)


def test_a_daily_limit_per_model_says_so() -> None:
    for quota, of_model in (("PerDayPerProjectPerModel-FreeTier", True), ("PerDayPerProject", False)):
        details = [{"violations": [{"quotaId": f"GenerateRequests{quota}"}]}]
        result = result_of(429, error("Quota", code=429, status="RESOURCE_EXHAUSTED", details=details))
        assert (result.code, "of this model" in result.message) == ("daily_limit", of_model)


def test_the_deciding_rule_and_words_are_named() -> None:
    assert result_of(400, error("Insufficient balance left")).decided_by == (
        'a phrase for quota_exhausted: "insufficient balance"'
    )
    assert result_of(400, error("x", code="invalid_api_key")).decided_by == 'error code "invalid_api_key"'
    assert result_of(418, b"").decided_by == "the HTTP status 418"


@pytest.mark.parametrize("words", ["access denied", "being rate limited", "系统维护中"])
def test_a_page_or_a_refusal_that_repeats_the_prompt_is_told_apart_without_its_words(words: str) -> None:
    prompt = f"an old enamel sign above a door that reads: {words}"
    page = f"<html><title>Oops</title><body>Could not draw this: {prompt}</body></html>".encode()
    assert result_of(200, page, request_of(prompt)).code == "wrong_endpoint"
    refusal = chat_body(None, refusal=f"I can't draw this: {prompt}, content policy")
    assert result_of(200, refusal, request_of(prompt)).outcome is Outcome.PERMANENT
