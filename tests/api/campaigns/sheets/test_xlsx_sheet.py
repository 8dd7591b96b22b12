"""XLSX: what is not a workbook, or unpacks to too much, is refused before it is read."""

import zipfile
from pathlib import Path

import pytest

from api.campaigns.sheets.record import SheetLimits, UnreadableSheet
from api.campaigns.sheets.xlsx_sheet import read_xlsx

pytest.importorskip("python_calamine")
LIMITS = SheetLimits(columns=9, cell_bytes=99)


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
        read_xlsx(path, LIMITS)
    assert caught.value.error.code == "xlsx_too_large"


def test_other_bytes_are_no_workbook(tmp_path: Path) -> None:
    path = tmp_path / "sheet.xlsx"
    path.write_bytes(b"key,colour")
    with pytest.raises(UnreadableSheet) as caught:
        read_xlsx(path, LIMITS)
    assert caught.value.error.code == "malformed_xlsx"
