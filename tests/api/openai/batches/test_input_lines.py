"""Lines of an input file, read with bounded memory."""

from pathlib import Path

import pytest

from api.openai.batches import input_lines
from api.openai.batches.input_lines import read_input


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"a\nb", [(1, b"a"), (2, b"b")]),
        (b"\xef\xbb\xbfa\r\n\n  \nb\n", [(1, b"a"), (4, b"b")]),
        (b"12345678\nb\n", [(1, b"12345678"), (2, b"b")]),
        (b"123456789\nb\n", [(1, None), (2, b"b")]),
        (b"x" * 100 + b"\nb\n" + b"y" * 9, [(1, None), (2, b"b"), (3, None)]),
    ],
)
def test_lines_are_numbered_and_those_that_are_too_long_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, lines: list[tuple[int, bytes | None]]
) -> None:
    monkeypatch.setattr(input_lines, "LONGEST_LINE", 8)
    path = tmp_path / "input"
    path.write_bytes(content)
    assert list(read_input(path)) == lines
