"""Parser of large JSON bodies: the same values as any parser's, however long strings are cut."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.web.json_text import parser, structure
from api.web.json_text.parser import MOST_TEXT, parse_text
from api.web.json_text.structure import StructureError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
)


@pytest.fixture(params=[13, 29])
def pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Strings of ten bytes are long, and their pieces so small that escapes lie across their borders."""
    monkeypatch.setattr(structure, "LONG_STRING", 10)
    monkeypatch.setattr(structure, "_BLOCK", 10)
    monkeypatch.setattr(parser, "_PIECE", request.param)


@pytest.mark.usefixtures("pieces")
@given(value=VALUES, ascii_only=st.booleans())
def test_a_value_is_what_was_written(value: Any, ascii_only: bool) -> None:
    assert parse_text(json.dumps(value, ensure_ascii=ascii_only).encode())[0] == value


@pytest.mark.usefixtures("pieces")
@pytest.mark.parametrize(
    "text",
    [
        "\\" * 99,
        '"' * 99,
        "😀" * 40,
        "a" + "😀" * 40,
        "é" * 99,
        "aé" * 50,
        "\\u" * 40,
        "/" * 99,
        "\n\\\n" * 30,
    ],
)
def test_escapes_and_characters_are_not_cut(text: str) -> None:
    for ascii_only in (True, False):
        for shift in range(14):
            raw = json.dumps(["x" * shift + text, text], ensure_ascii=ascii_only).encode()
            assert parse_text(raw.replace(b"/", b"\\/"))[0] == ["x" * shift + text, text]


@pytest.mark.usefixtures("pieces")
@pytest.mark.parametrize(
    "content",
    [
        *(b"\\ud800" * 20, b"\\udc00" * 20, b"\\ud83d" * 9 + b"a", b"\\x" * 20, b"\\u12" * 20, b"\n" * 40),
        *(b"\xff" * 40, b"\xc3" * 40, b"\x80" * 40, b"a\xf0\x9f\x98" * 20, b"\xed\xa0\x80" * 20),
    ],
)
def test_what_is_no_string_is_refused(content: bytes) -> None:
    raw = b'["%b"]' % content
    with pytest.raises(ValueError):
        orjson.loads(raw)
    with pytest.raises(ValueError, match="at character"):
        parse_text(raw)


@pytest.mark.usefixtures("pieces")
def test_an_error_is_at_its_place_in_the_body() -> None:
    raw = b'["%b", "%b", wrong]' % (b"x" * 100, b"y" * 50)
    with pytest.raises(ValueError, match=f"at character {raw.index(b'wrong')}"):
        parse_text(raw)
    raw = b'["%b", "%b\\q"]' % (b"x" * 100, b"y" * 50)
    with pytest.raises(ValueError, match=r"at character 15[5-9]"):
        parse_text(raw)


def test_text_is_bounded_and_images_are_not() -> None:
    long, short = b'"%b"' % (b"a" * MOST_TEXT), b'"%b"' % (b"a" * 8000)
    assert parse_text(long)[0] == "a" * MOST_TEXT
    wide = b'["%b","%b"]' % (b"a" * MOST_TEXT, "é".encode())
    assert parse_text(wide)[0] == ["a" * MOST_TEXT, "é"]
    for refused in (
        b'"%b%b"' % (b"a" * MOST_TEXT, "é".encode()),
        b"[%b]" % b",".join([short] * (MOST_TEXT // len(short) + 1)),
        b" " * (MOST_TEXT + 1),
    ):
        with pytest.raises(StructureError, match="beside images in base64"):
            parse_text(refused)
