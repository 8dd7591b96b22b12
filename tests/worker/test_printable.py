"""Text of strangers is shown without what a terminal would obey."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.printable import printable, printable_json


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a cat", "a cat"),
        ("猫 🐈 é\n\tשלום", "猫 🐈 é\n\tשלום"),
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("\x9b31mred", "\\x9b31mred"),
        ("a\rb\x08c\x7f", "a\\x0db\\x08c\\x7f"),
        ("user\u202enimda\u2066", "user\\u202enimda\\u2066"),
        ("\ud800", "\\ud800"),
    ],
)
def test_controls_are_shown_as_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters()))
def test_no_control_is_left_and_the_text_is_encodable(text: str) -> None:
    shown = printable(text)
    shown.encode()
    assert all(character in "\n\t" or ord(character) >= 0x20 for character in shown)
    assert not any(0x7F <= ord(character) <= 0x9F for character in shown)
    assert printable(shown) == shown


@given(st.dictionaries(st.text(), st.text()))
def test_json_means_the_same_when_its_controls_are_escaped(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    shown = printable_json(text)
    assert json.loads(shown) == value
    assert not any(0x7F <= ord(character) <= 0x9F or character in "\u202e\u2066" for character in shown)
