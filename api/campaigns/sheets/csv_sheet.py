"""CSV and TSV: records of a text with a delimiter, which is found in the first line."""

import csv
from collections.abc import Iterator
from pathlib import Path

from api.campaigns.sheets.record import (
    Record,
    SheetError,
    SheetLimits,
    UnreadableSheet,
    check_header,
    records_of,
)

_DELIMITERS = ",;\t|"


def read_csv(
    path: Path, encoding: str, limits: SheetLimits, *, delimiter: str | None = None
) -> tuple[list[str], Iterator[Record]]:
    """Return the header and the records of a CSV file. Raises ``UnreadableSheet``, also while iterating."""
    csv.field_size_limit(max(csv.field_size_limit(), 4 * limits.cell_bytes))  # of the whole process
    lines = _lines(path, encoding, delimiter or find_delimiter(path, encoding))
    header = check_header(next(lines, (1, []))[1], limits)
    return header, records_of(header, lines, limits)


def find_delimiter(path: Path, encoding: str) -> str:
    """Return the delimiter that the first line has most often outside of quotes; else a comma."""
    with path.open(encoding=encoding, newline="") as file:
        line = file.readline(2**20)
    outside = "".join(line.split('"')[0::2])
    return max(_DELIMITERS, key=outside.count)


def _lines(path: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    with path.open(encoding=encoding, newline="") as file:
        reader, line = csv.reader(file, delimiter=delimiter, strict=True), 1
        try:
            for cells in reader:
                yield line, cells
                line = reader.line_num + 1
        except csv.Error as error:
            words = f"the sheet can't be read from this line on: {error}"
            raise UnreadableSheet(SheetError(line, None, "malformed_csv", words)) from error
