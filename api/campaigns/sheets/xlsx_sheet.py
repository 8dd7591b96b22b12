"""XLSX: the first sheet of a workbook, by python-calamine; cells are the values that were saved."""

import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from api.campaigns.sheets.record import (
    Record,
    SheetError,
    SheetLimits,
    UnreadableSheet,
    check_header,
    records_of,
)

try:
    import python_calamine as calamine
except ImportError:  # the extra `sheets` is not installed
    calamine = None  # type: ignore[assignment,unused-ignore]

MOST_UNPACKED = 256 * 2**20  #: bytes of a workbook, unpacked
_MOST_PARTS = 10_000
_BLOCK = 2**20


def read_xlsx(path: Path, limits: SheetLimits) -> tuple[list[str], Iterator[Record]]:
    """Return the header and the records of a workbook's first sheet. Raises ``UnreadableSheet``."""
    if calamine is None:
        words = "this server can't read XLSX: install darkroom[sheets], or save the sheet as CSV"
        raise UnreadableSheet(SheetError(0, None, "xlsx_not_installed", words))
    _check_size(path)
    try:
        rows = calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).iter_rows()
        found = ([_text(cell) for cell in cells] for cells in rows)
        header = check_header(next(found, []), limits)
    except UnreadableSheet:
        raise
    except Exception as error:  # a foreign parser of foreign bytes
        raise _malformed(str(error)) from error
    lines: Iterator[tuple[int, list[str] | SheetError]] = enumerate(found, 2)
    return header, records_of(header, lines, limits)


def _text(cell: Any) -> str:
    """Return a cell as a person sees it: no decimals of whole numbers, times in ISO 8601."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell)


def _malformed(why: str) -> UnreadableSheet:
    return UnreadableSheet(SheetError(0, None, "malformed_xlsx", f"this is no XLSX workbook: {why[:200]}"))


def _check_size(path: Path) -> None:
    """Refuse a workbook that unpacks to too much, whatever sizes it declares."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
        total = sum(part.file_size for part in parts)
        if len(parts) > _MOST_PARTS or total > MOST_UNPACKED or _unpacked(path, parts) > MOST_UNPACKED:
            words = f"the workbook unpacks to more than {MOST_UNPACKED // 2**20} MiB; save the sheet as CSV"
            raise UnreadableSheet(SheetError(0, None, "xlsx_too_large", words))
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError) as error:
        raise _malformed(str(error)) from error


def _unpacked(path: Path, parts: list[zipfile.ZipInfo]) -> int:
    """Return how many bytes the parts really unpack to, counted no further than needed."""
    total = 0
    with path.open("rb") as file:
        for part in parts:
            file.seek(part.header_offset)
            header = file.read(30)
            file.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
            if part.compress_type != zipfile.ZIP_DEFLATED:
                total += part.compress_size
                continue
            inflate, left = zlib.decompressobj(-15), part.compress_size
            while left > 0 and total <= MOST_UNPACKED and (block := file.read(min(left, _BLOCK))):
                left -= len(block)
                while block and total <= MOST_UNPACKED:
                    total += len(inflate.decompress(block, _BLOCK))
                    block = inflate.unconsumed_tail
    return total
