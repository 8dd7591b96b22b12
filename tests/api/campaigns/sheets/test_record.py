"""Records: names of columns, cells that are too large, lines that are too long."""

import pytest

from api.campaigns.sheets.record import SheetLimits, UnreadableSheet, check_header, records_of

LIMITS = SheetLimits(columns=3, cell_bytes=4)


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["a", "b", "c", "d"], "too_many_columns"),
        (["a", " a "], "duplicate_column"),
        (["", " "], "no_header"),
    ],
)
def test_a_header_that_can_not_be_used_says_why(names: list[str], code: str) -> None:
    with pytest.raises(UnreadableSheet) as caught:
        check_header(names, LIMITS)
    assert caught.value.error.to_json()["code"] == code


def test_each_line_is_a_record_or_has_a_problem() -> None:
    lines = iter([(2, ["1", "ééé"]), (3, ["1", "2", "3"]), (4, [" ", ""]), (5, ["\0"]), (6, ["1", "2", " "])])
    records = list(records_of(["a", "b"], lines, LIMITS))
    assert [(each.line, each.problem and each.problem.code) for each in records] == [
        (2, "cell_too_large"),
        (3, "too_many_cells"),
        (5, "nul"),
        (6, None),
    ]
