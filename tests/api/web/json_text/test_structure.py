"""Nodes and depth of JSON text, counted without parsing it."""

import json
from typing import Any

import pytest

from api.web.json_text import structure
from api.web.json_text.structure import StructureError, scan


@pytest.fixture(autouse=True, params=[3, 7, 64 * 1024], ids="blocks of {}".format)
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks so small that strings, escapes and numbers lie across their borders."""
    monkeypatch.setattr(structure, "_BLOCK", request.param)


VALUES: list[Any] = [
    {"a": [1, 2, {"b": "x,y[z]{}"}], "c": '"quoted, [text]"'},
    ["\\", '\\"', "\\\\", "[[[[", "]]]]", "{,,,}"],
    {'\\"[': ["\u2028", "\\u005b", '"'], "": {}},
    "just, a [string]",
    [[], {}, [[]], "\\\\\\"],
]


def nodes_and_depth(value: Any) -> tuple[int, int]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    found = [nodes_and_depth(each) for each in inner]
    is_open = isinstance(value, dict | list)
    return 1 + sum(n for n, _ in found), is_open + max((d for _, d in found), default=0)


def at_most(raw: bytes, **limits: int) -> bool:
    try:
        scan(raw, **limits)
    except StructureError:
        return False
    return True


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("indent", [None, 1])
def test_only_what_is_outside_strings_counts(value: Any, indent: int | None) -> None:
    raw = json.dumps(value, indent=indent).encode()
    nodes, depth = nodes_and_depth(value)
    assert at_most(raw, depth=depth)
    assert depth == 0 or not at_most(raw, depth=depth - 1)
    empty = json.dumps(value).count("[]") + json.dumps(value).count("{}")  # counted as if they had a member
    assert at_most(raw, nodes=nodes + empty)
    assert not at_most(raw, nodes=nodes - 1)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"1234567890123456789", True),
        (b"[1, 12345678901234567890]", True),
        (b"123456789012345678", False),
        (b'["1234567890123456789"]', False),
        (b'[123456789012, "a", 123456789012]', False),
        (b'{"1234567890123456789": 1.5}', False),
    ],
)
def test_a_long_number_is_found_outside_strings(raw: bytes, expected: bool) -> None:
    assert scan(raw).long_number is expected


@pytest.mark.parametrize("raw", [b"", b'"' * 11, b"\\" * 11, b'["\\', b"nonsense"])
def test_text_that_is_not_json_passes_to_the_parser(raw: bytes) -> None:
    assert not scan(raw).long_number


def test_a_bracket_that_was_not_opened_is_refused() -> None:
    with pytest.raises(StructureError, match="did not open"):
        scan(b"[]" + b"]" * 1000)


@pytest.mark.parametrize(
    ("raw", "expected"), [(b'"\\u0000"', True), (b'["a\\u0000b"]', True), (b'"u0000"', False), (b"[]", False)]
)
def test_an_escaped_nul_is_found(raw: bytes, expected: bool) -> None:
    assert scan(raw).nul is expected


def test_long_strings_are_found_by_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "LONG_STRING", 7)
    monkeypatch.setattr(structure, "_BLOCK", 7)
    raw = json.dumps(["1234567", "12345678", {"é" * 2: '"' * 4, "": "\\" * 9}, "short", "x" * 50]).encode()
    found = [raw[start:end] for start, end in scan(raw).long_strings]
    assert found == [b"12345678", b"\\u00e9" * 2, b'\\"' * 4, b"\\\\" * 9, b"x" * 50]
