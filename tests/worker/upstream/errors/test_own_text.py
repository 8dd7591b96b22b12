"""The request's own text is no sign: echoes of it are blanked, however they are written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.upstream.errors.own_text import NO_REQUEST, OwnText, own_text_of_job
from worker.upstream.matching import normalize

PROMPT = 'A sign that reads "insufficient balance", hanging in a dark street'
BODY = {
    "model": "m-1",
    "messages": [{"role": "user", "content": PROMPT}],
    "style": {"paper tone": "rate limited sepia"},
}


def blanked(message: str, request: object = None) -> str:
    own = OwnText(json.dumps(request or BODY).encode())
    return own.blank(normalize(message))


@pytest.mark.parametrize(
    "echo",
    [
        PROMPT,
        PROMPT.upper(),
        json.dumps(PROMPT),
        json.dumps(json.dumps(PROMPT)),
        PROMPT[:40] + "…",
        PROMPT[12:50],
        PROMPT.replace(" ", "\n"),
        "rate limited sepia",
        "paper tone",
    ],
)
def test_an_echo_is_blanked_in_any_form(echo: str) -> None:
    text = blanked(f"Bad request: {echo} is not valid")
    assert "insufficient balance" not in text
    assert "rate limited" not in text
    assert "paper" not in text
    assert text.startswith("bad reques")
    assert text.endswith("not valid")


def test_an_escaped_ideograph_is_an_echo() -> None:
    request = {
        "messages": [{"role": "user", "content": [{"type": "text", "text": "一张写着余额不足的海报"}]}]
    }
    assert "余额" not in blanked(json.dumps({"prompt": "一张写着余额不足的海报"}), request)
    assert "余额" not in blanked("提示词：一张写着餘額不足的海報", request)


def test_the_providers_own_words_stay() -> None:
    text = "insufficient quota, please top up your account"
    assert blanked(text) == text
    assert NO_REQUEST.blank(text) == text


def test_short_words_in_common_are_no_echo() -> None:
    text = "the model does not read a dark image"
    assert blanked(text) == text


def test_words_of_the_request_are_known_by_their_letters() -> None:
    own = OwnText(BODY)
    assert own.contains("Insufficient  balance")
    assert not own.contains("insufficient quota")
    assert own.has_value("paper_tone")
    assert not own.has_value("paper")


def test_the_texts_of_a_job_are_its_prompt_its_messages_and_its_params() -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "a bill, insufficient balance"}]}]
    own = own_text_of_job("m-1", PROMPT, {"messages": messages, "params": {"paper tone": "sepia"}, "n": 2})
    assert own.contains("dark street")
    assert own.contains("a bill")
    assert own.has_value("paper_tone")
    assert not own_text_of_job("m-1", PROMPT, None).contains("a bill")  # a column that can't be read


def test_a_request_that_is_no_json_has_no_text() -> None:
    assert OwnText(b"\xff{").blank("some words") == "some words"


@given(st.text(max_size=300), st.text(max_size=300))
def test_blanking_never_fails_and_never_adds_words(prompt: str, message: str) -> None:
    own = OwnText({"messages": [{"role": "user", "content": prompt}]})
    letters = [letter for letter in own.blank(normalize(message)) if letter.isalnum()]
    assert len(letters) <= len([letter for letter in normalize(message) if letter.isalnum()])
