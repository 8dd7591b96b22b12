"""Child process of workbooks: what unpacks to too much is refused before it is read."""

import zipfile
from pathlib import Path

import pytest

from api.campaigns.sheets.record import UnreadableSheet
from api.campaigns.sheets.xlsx_process import check_size, rows_of
from tests.api.campaigns.sheets.workbooks import write_workbook


def test_a_bomb_that_declares_a_small_size_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x", "w") as part:
        for _ in range(300):
            part.write(bytes(2**20))
    raw = bytearray(path.read_bytes())
    entry = raw.index(b"PK\x01\x02")
    raw[entry + 24 : entry + 28] = (100).to_bytes(4, "little")
    path.write_bytes(raw)
    with pytest.raises(UnreadableSheet) as caught:
        check_size(path)
    assert caught.value.error.code == "xlsx_too_large"


def test_cells_are_texts_as_a_person_sees_them(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine")
    cells = '<c r="A1"><v>3</v></c><c r="B1"><v>2.5</v></c><c r="C1" t="b"><v>1</v></c>'
    book = write_workbook(tmp_path / "a.xlsx", f'<row r="1">{cells}</row>')
    assert list(rows_of(book)) == [(1, ["3", "2.5", "true"])]
