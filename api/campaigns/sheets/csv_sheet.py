"""CSV and TSV: records of a text with a delimiter, which is found in the first line."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from api.campaigns.sheets.record import (
    Record,
    SheetError,
    SheetLimits,
    UnreadableSheet,
    check_header,
    records_of,
)

_DELIMITERS = ",;\t|"
_TOO_LARGE = "field larger than field limit"  # words of the csv module


def read_csv(
    path: Path, encoding: str, limits: SheetLimits, *, delimiter: str | None = None
) -> tuple[list[str], Iterator[Record]]:
    """Return the header and the records of a CSV file. Raises ``UnreadableSheet``, also while iterating."""
    csv.field_size_limit(max(csv.field_size_limit(), 4 * limits.cell_bytes))  # of the whole process
    lines = _lines(path, encoding, delimiter or find_delimiter(path, encoding))
    first = next(lines, (1, []))[1]
    if isinstance(first, SheetError):
        raise UnreadableSheet(first)
    header = check_header(first, limits)
    return header, records_of(header, lines, limits)


def find_delimiter(path: Path, encoding: str) -> str:
    """Return the delimiter that the first line has most often outside of quotes; else a comma."""
    with path.open(encoding=encoding, newline="") as file:
        line = file.readline(2**20)
    outside = "".join(line.split('"')[0::2])
    return max(_DELIMITERS, key=outside.count)


class _Lines:
    """The physical lines of a file, with the quotes of the record that is being read."""

    def __init__(self, file: TextIO) -> None:
        self._file, self.count, self.quotes = file, 0, 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        text = next(self._file)
        self.count += 1
        self.quotes += text.count('"')
        return text

    def skip_record(self) -> None:
        """Pass over the rest of a record: its quotes are even in number where it ends (RFC 4180)."""
        while self.quotes % 2:
            next(self)


def _lines(path: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str] | SheetError]]:
    """Yield each record with the line where it begins; one with too large a cell as an error."""
    with path.open(encoding=encoding, newline="") as file:
        source, line = _Lines(file), 1
        reader = csv.reader(source, delimiter=delimiter, strict=True)
        while True:
            source.quotes = 0
            try:
                cells = next(reader, None)
                if cells is None:
                    return
                yield line, cells
            except csv.Error as error:
                if _TOO_LARGE not in str(error):
                    words = f"the sheet can't be read from this line on: {error}"
                    raise UnreadableSheet(SheetError(line, None, "malformed_csv", words)) from error
                yield line, _skip_large(source, line)
            line = source.count + 1


def _skip_large(source: _Lines, line: int) -> SheetError:
    """Pass over a record whose cell is larger than it may be; the lines after it are read."""
    try:
        source.skip_record()
    except StopIteration as error:
        words = "the sheet can't be read from this line on: a quote is not closed"
        raise UnreadableSheet(SheetError(line, None, "malformed_csv", words)) from error
    words = f"a cell has more than {csv.field_size_limit():,} characters (DARKROOM_CAMPAIGN_CELL_BYTES)"
    return SheetError(line, None, "cell_too_large", words)
