"""XLSX in a child process: writes the rows of a workbook's first sheet as JSON lines, within limits.

``python -m api.campaigns.sheets.xlsx_process WORKBOOK ROWS``. A workbook of two kilobytes may have a cell in
the last row and column; a reader that makes room for all cells between takes 500 GB, and ends its process.
Each line is ``[line number, [text, ...]]``; blank lines, and blank cells at the end of a line, are left out.
If the workbook can't be read, the standard output is a ``SheetError`` as JSON.
"""

import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import orjson

from api.campaigns.sheets.record import SheetError, UnreadableSheet
from worker.process.resource_limits import limit_resources

CPU_LIMIT = 30  #: seconds of processor time; 100,000 rows of 20 columns take about five
MEMORY_LIMIT = 256 * 2**20  #: bytes of data
OUTPUT_LIMIT = 512 * 2**20  #: bytes of rows: one text may stand in many cells
MOST_UNPACKED = 256 * 2**20  #: bytes of a workbook, unpacked
TOO_LARGE = "xlsx_too_large"
_MOST_PARTS = 10_000
_BLOCK = 2**20


def too_large(what: str) -> UnreadableSheet:
    """Return the error of a workbook that takes too much of something."""
    return UnreadableSheet(SheetError(0, None, TOO_LARGE, f"the workbook {what}; save the sheet as CSV"))


def _malformed(why: str) -> UnreadableSheet:
    return UnreadableSheet(SheetError(0, None, "malformed_xlsx", f"this is no XLSX workbook: {why[:200]}"))


def check_size(path: Path) -> None:
    """Refuse a workbook that unpacks to too much, whatever sizes it declares. Raises ``UnreadableSheet``."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
        total = sum(part.file_size for part in parts)
        if len(parts) > _MOST_PARTS or total > MOST_UNPACKED or _unpacked(path, parts) > MOST_UNPACKED:
            raise too_large(f"unpacks to more than {MOST_UNPACKED // 2**20} MiB")
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError) as error:
        raise _malformed(str(error)) from error


def _unpacked(path: Path, parts: Sequence[zipfile.ZipInfo]) -> int:
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


def rows_of(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the line number and the texts of each row that is not blank. Raises ``UnreadableSheet``."""
    import python_calamine as calamine  # noqa: PLC0415 - the process that starts this one goes without

    try:
        rows = calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).iter_rows()
        for number, cells in enumerate(rows, 1):
            texts = [_text(cell) for cell in cells]
            while texts and not texts[-1].strip():
                texts.pop()
            if texts:
                yield number, texts
    except MemoryError:
        raise
    except Exception as error:  # a foreign parser of foreign bytes
        raise _malformed(str(error)) from error


def _text(cell: Any) -> str:
    """Return a cell as a person sees it: no decimals of whole numbers, times in ISO 8601."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell)


def _write(path: Path, target: Path) -> None:
    check_size(path)
    try:
        with target.open("wb") as file:
            for row in rows_of(path):
                file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    except OSError as error:  # beyond the limit of a file, or the disk is full
        raise too_large(f"can't be written as text: {error.strerror}") from error
    except MemoryError as error:
        raise too_large(f"takes more than {MEMORY_LIMIT // 2**20} MiB of memory") from error


def main() -> None:
    """Write the rows of a workbook."""
    limit_resources(cpu=CPU_LIMIT, memory=MEMORY_LIMIT, file_size=OUTPUT_LIMIT)
    try:
        _write(Path(sys.argv[1]), Path(sys.argv[2]))
    except UnreadableSheet as error:
        sys.stdout.buffer.write(orjson.dumps(error.error.to_json()))


if __name__ == "__main__":
    main()
