"""JSONL: an object per line; a line that is none is a problem of its own."""

from pathlib import Path

from api.campaigns.sheets.jsonl_sheet import read_jsonl
from api.campaigns.sheets.record import SheetLimits


def test_each_line_is_an_object_or_has_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "sheet"
    lines = ['{"a": 1}', "", "[]", "{", '{"a": 1, "b": 2, "c": 3}', f'{{"a": "{"x" * 99}"}}', '{"a": "y"}']
    path.write_text("\n".join(lines))
    found = list(read_jsonl(path, "utf-8", SheetLimits(columns=2, cell_bytes=20)))
    assert [(each.line, each.problem and each.problem.code) for each in found] == [
        (1, None),
        (3, "malformed_json"),
        (4, "malformed_json"),
        (5, "too_many_columns"),
        (6, "cell_too_large"),
        (7, None),
    ]
