"""Sheet of the demo."""

import csv
from collections import Counter
from pathlib import Path

from api.cli.demo_sheet import LINES, sheet_rows, write_sheet


def test_it_has_sixty_rows_of_which_two_are_wrong() -> None:
    rows = list(sheet_rows())
    assert len(rows) == LINES == 60
    assert [number for number, row in enumerate(rows, 1) if not row["subject"]] == [17]
    assert {key for key, count in Counter(row["key"] for row in rows).items() if count > 1} == {"card-05"}


def test_it_is_written_with_the_picture_beside_it(folder: Path) -> None:
    path = write_sheet(folder / "demo" / "demo.csv")
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == list(sheet_rows())
    assert (path.parent / "stamp.png").read_bytes().startswith(b"\x89PNG")
