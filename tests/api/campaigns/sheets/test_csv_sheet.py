"""CSV: the delimiter of the first line, quoted line breaks, and lines that count from 1."""

from pathlib import Path

import pytest

from api.campaigns.sheets.csv_sheet import find_delimiter, read_csv
from api.campaigns.sheets.record import SheetLimits, UnreadableSheet

LIMITS = SheetLimits(columns=3, cell_bytes=10)


def written(folder: Path, text: str) -> Path:
    path = folder / "sheet"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("header", "found"), [("a,b;c,d", ","), ("a;b", ";"), ("a\tb", "\t"), ('"a,b,c"|d', "|")]
)
def test_the_delimiter_is_what_the_first_line_has_most_outside_of_quotes(
    tmp_path: Path, header: str, found: str
) -> None:
    assert find_delimiter(written(tmp_path, header), "utf-8") == found


def test_records_have_the_line_on_which_they_begin(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,b\n"x\ny",2\n\n3\n')
    header, records = read_csv(path, "utf-8", LIMITS)
    assert header == ["a", "b"]
    assert [(record.line, dict(record.cells)) for record in records] == [
        (2, {"a": "x\ny", "b": "2"}),
        (5, {"a": "3"}),
    ]


def test_a_quote_that_never_ends_is_named_by_its_line(tmp_path: Path) -> None:
    _, records = read_csv(written(tmp_path, 'a,b\n1,2\n"x,y\n'), "utf-8", LIMITS)
    assert next(records).cells["a"] == "1"
    with pytest.raises(UnreadableSheet) as caught:
        list(records)
    assert (caught.value.error.line, caught.value.error.code) == (3, "malformed_csv")
