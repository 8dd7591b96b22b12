"""CSV cells: nothing that a spreadsheet would run."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.exports.cells import cell


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "\ufeff=1", "-"]
)
def test_a_formula_becomes_a_text(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-5", "+1.5", "-1e-3", "12", "a=b", "red", ""])
def test_numbers_and_words_stay(text: str) -> None:
    assert cell(text) == text


@given(st.text())
def test_no_cell_begins_like_a_formula(text: str) -> None:
    found = cell(text).lstrip(" \n\r\t\x00\ufeff")
    assert found[:1] not in tuple("=@＝＋－＠")
    assert text in cell(text)


def test_other_values_are_written_plainly() -> None:
    values = [None, True, False, 7, datetime(2026, 1, 31, tzinfo=UTC)]
    assert [cell(each) for each in values] == ["", "true", "false", "7", "2026-01-31T00:00:00.000Z"]
