"""CSV: the delimiter of the first line, quoted line breaks, and lines that count from 1."""

import csv
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


def test_a_record_with_too_large_a_cell_does_not_stop_those_after_it(tmp_path: Path) -> None:
    large = "x" * (csv.field_size_limit() + 1)
    path = written(tmp_path, f'a,b\n1,2\n{large},3\n"{large}\n""4"",5\n6,7",8\n9,10\n')
    _, records = read_csv(path, "utf-8", LIMITS)
    found = list(records)
    assert [record.problem and record.problem.code for record in found] == [
        None,
        "cell_too_large",
        "cell_too_large",
        None,
    ]
    assert [record.line for record in found] == [2, 3, 4, 7]
    assert found[-1].cells == {"a": "9", "b": "10"}


def test_a_large_cell_whose_quote_never_ends_is_named_by_its_line(tmp_path: Path) -> None:
    large = "x" * (csv.field_size_limit() + 1)
    _, records = read_csv(written(tmp_path, f'a,b\n1,2\n"{large}\n3,4\n'), "utf-8", LIMITS)
    assert next(records).cells["a"] == "1"
    with pytest.raises(UnreadableSheet) as failed:
        list(records)
    assert failed.value.error.line == 3
