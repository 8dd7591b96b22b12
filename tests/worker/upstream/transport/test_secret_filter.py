"""The key of a channel is removed from whatever its provider sends, however it is written."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.upstream.handles import Handles
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.error_object import ErrorObject
from worker.upstream.parsing.image import ResultImage
from worker.upstream.transport.secret_filter import HIDDEN, SecretFilter

KEY = "sk-proj/AbC+def_0123456789=="
FILTER = SecretFilter([KEY])
ascii_keys = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=80)


def as_escapes(text: str) -> str:
    return "".join(f"\\u{ord(character):04X}" for character in text)


WAYS = {
    "plain": lambda key: key,
    "JSON": lambda key: json.dumps(key)[1:-1],
    "JSON with escaped slashes": lambda key: json.dumps(key)[1:-1].replace("/", "\\/"),
    "JSON with every character escaped": as_escapes,
    "JSON in JSON": lambda key: json.dumps(as_escapes(key))[1:-1],
    "percent-encoded": lambda key: quote(key, safe=""),
    "percent-encoded in lower case": lambda key: (
        quote(key, safe="").lower() if key.islower() else quote(key, safe="")
    ),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@given(key=ascii_keys, before=st.text(), after=st.text())
def test_a_key_is_removed_however_it_is_written(way, key: str, before: str, after: str) -> None:  # type: ignore[no-untyped-def]
    written = way(key)
    cleaned = SecretFilter([key]).clean_text(f"{before} {written} {after}")
    assert written not in cleaned.replace(HIDDEN, "")
    assert HIDDEN in cleaned


@given(key=ascii_keys, before=st.binary(max_size=20), after=st.binary(max_size=20))
def test_a_key_is_removed_from_base64_wherever_it_stands_in_the_bytes(
    key: str, before: bytes, after: bytes
) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        cleaned = SecretFilter([key]).clean_bytes(encode(before + key.encode() + after))
        cleaned = cleaned.translate(bytes.maketrans(b"+/", b"-_"))
        assert b"[key]" in cleaned
        for part in cleaned.split(b"[key]"):
            for start in range(4):
                whole = part[start:].rstrip(b"=")
                assert key.encode() not in base64.urlsafe_b64decode(whole[: len(whole) // 4 * 4])


@given(data=st.binary(max_size=400))
def test_bytes_without_the_key_stay_as_they_are(data: bytes) -> None:
    assert FILTER.clean_bytes(data) == data


@pytest.mark.parametrize("secrets", [(), ("",), ("test",)], ids=["none", "empty", "any word"])
def test_a_secret_that_could_be_any_word_stays(secrets: tuple[str, ...]) -> None:
    answer = Answer(text="this is a test")
    assert SecretFilter(secrets).clean(answer) is answer
    assert SecretFilter(secrets).clean_bytes(b"this is a test") == b"this is a test"


def test_every_text_of_an_answer_is_cleaned_at_any_depth() -> None:
    answer = Answer(
        images=(
            ResultImage(url=f"https://a.example/{KEY}.png", alternates=(f"https://b.example/?k={KEY}",)),
        ),
        videos=(f"https://a.example/{KEY}.mp4",),
        text=f"your key is {KEY}",
        task_id=KEY,
        error=ErrorObject(f"invalid key {KEY}", names=(KEY,), layers=({"error": {"hint": KEY}},)),
        usage={"details": [{"key": KEY, KEY: 1}]},
        finish_reasons=(KEY,),
    )
    assert KEY not in repr(FILTER.clean(answer))
    assert FILTER.clean(Handles(task_id=KEY)) == Handles(task_id=HIDDEN)


def test_an_answer_without_the_key_is_the_same_object() -> None:
    answer = Answer(text="a cat", images=(ResultImage(url="https://a.example/%20.png"),), usage={"total": 3})
    assert FILTER.clean(answer) is answer


def test_runs_of_escape_characters_are_read_in_linear_time() -> None:
    hostile = b"\\" * 2_000_000 + b"\\u0041" + b"%" * 500_000
    assert FILTER.clean_bytes(hostile) == hostile
