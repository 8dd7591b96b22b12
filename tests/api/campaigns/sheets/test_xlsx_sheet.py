"""XLSX: rows are read in a process of its own; what takes too much, or is no workbook, is refused."""

import asyncio
from pathlib import Path

import pytest

from api.campaigns.sheets.record import SheetLimits, UnreadableSheet
from api.campaigns.sheets.xlsx_sheet import WorkbookReader, read_rows
from tests.api.campaigns.sheets.workbooks import cell, distant_cell, write_workbook

pytest.importorskip("python_calamine")
LIMITS = SheetLimits(columns=9, cell_bytes=99)


async def test_rows_have_the_lines_of_the_sheet_and_blank_ones_are_left_out(tmp_path: Path) -> None:
    rows = f'<row r="1">{cell("A1", "key")}{cell("B1", "colour")}</row><row r="3">{cell("B3", "red")}</row>'
    target = tmp_path / "rows"
    await WorkbookReader().write_rows(write_workbook(tmp_path / "a.xlsx", rows), target)
    header, records = read_rows(target, LIMITS)
    assert header == ["key", "colour"]
    assert [(record.line, dict(record.cells)) for record in records] == [(3, {"key": "", "colour": "red"})]


async def test_a_small_workbook_with_a_distant_cell_ends_its_own_process_alone(tmp_path: Path) -> None:
    reader = WorkbookReader()
    books = [distant_cell(tmp_path / f"{name}.xlsx", name) for name in ("XFD1048576", "ZZ1048576")]
    results = await asyncio.gather(
        *(reader.write_rows(book, tmp_path / "rows") for book in books), return_exceptions=True
    )
    for result in results:
        assert isinstance(result, UnreadableSheet)
        assert result.error.code == "xlsx_too_large"
        assert "256 MiB of memory; save the sheet as CSV" in result.error.message


async def test_a_workbook_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    book = distant_cell(tmp_path / "a.xlsx", "B1048576")
    with pytest.raises(UnreadableSheet) as caught:
        await WorkbookReader(time_limit=0.01).write_rows(book, tmp_path / "rows")
    assert "takes more than 0.01 s" in caught.value.error.message


async def test_other_bytes_are_no_workbook(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    path.write_bytes(b"key,colour")
    with pytest.raises(UnreadableSheet) as caught:
        await WorkbookReader().write_rows(path, tmp_path / "rows")
    assert caught.value.error.code == "malformed_xlsx"
