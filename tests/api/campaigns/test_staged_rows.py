"""Staging: rows in their order, each key once, and errors that are counted beyond the list."""

from pathlib import Path

from api.campaigns.sheets.record import SheetError
from api.campaigns.staged_rows import MOST_LISTED, Staging
from tests.models.queries.campaigns.planned import row


def test_rows_come_back_in_order_and_a_second_one_of_a_key_is_an_error(tmp_path: Path) -> None:
    staging = Staging(tmp_path / "rows.db")
    made = [row(key, line, colour="red") for line, key in enumerate(("b", "a", "c", "a"), 2)]
    for each in made:
        staging.add(each)
    assert list(staging.pages(2)) == [made[:2], made[2:3]]
    assert (staging.rows, staging.duplicates) == (3, 1)
    assert (staging.errors[0].line, "line 3" in staging.errors[0].message) == (5, True)
    assert staging.missing(["a", "x"]) == ["x"]
    staging.close()


def test_errors_beyond_the_list_are_counted(tmp_path: Path) -> None:
    staging = Staging(tmp_path / "rows.db")
    for number in range(MOST_LISTED + 5):
        staging.add_errors([SheetError(number, None, "odd", "odd")])
    assert (len(staging.errors), staging.codes["odd"]) == (MOST_LISTED, MOST_LISTED + 5)
    staging.close()
