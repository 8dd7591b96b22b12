"""Records of a sheet, and the errors that stop its reading."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Cells = Mapping[str, Any]  #: texts by column; JSONL may have other JSON values


@dataclass(frozen=True, slots=True)
class SheetError:
    """What is wrong in a sheet. ``line``: from 1; 0: the whole sheet. ``column``: its name, if it has one."""

    line: int
    column: str | None
    code: str
    message: str

    def to_json(self) -> dict[str, Any]:
        """Return the error as JSON."""
        return {"line": self.line, "column": self.column, "code": self.code, "message": self.message}


class UnreadableSheet(Exception):
    """A sheet that can't be read further."""

    def __init__(self, error: SheetError) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a sheet; ``problem``: why it can't be used."""

    line: int
    cells: Cells
    problem: SheetError | None = None


@dataclass(frozen=True, slots=True)
class SheetLimits:
    """Ceilings of a sheet, each a setting."""

    columns: int
    cell_bytes: int


def check_header(names: list[str], limits: SheetLimits) -> list[str]:
    """Return the names of columns without blanks around them. Raises ``UnreadableSheet``."""
    if len(names) > limits.columns:
        words = (
            f"the sheet has {len(names):,} columns; at most {limits.columns:,} are permitted "
            "(DARKROOM_CAMPAIGN_COLUMNS)"
        )
        raise UnreadableSheet(SheetError(1, None, "too_many_columns", words))
    names = [name.strip() for name in names]
    seen = set[str]()
    for name in names:
        if name and name in seen:
            words = f"two columns have the name {name[:100]!r}; rename one"
            raise UnreadableSheet(SheetError(1, name[:100], "duplicate_column", words))
        seen.add(name)
    if not any(names):
        words = "the first line must have the names of the columns"
        raise UnreadableSheet(SheetError(1, None, "no_header", words))
    return names


def records_of(
    header: list[str], lines: Iterator[tuple[int, list[str] | SheetError]], limits: SheetLimits
) -> Iterator[Record]:
    """Yield the records of a sheet's lines, also of those that have a problem; blank ones are left out."""
    for line, cells in lines:
        if isinstance(cells, SheetError):
            yield Record(line, {}, cells)
            continue
        if not any(cell.strip() for cell in cells):
            continue
        problem = None
        if any(cell.strip() for cell in cells[len(header) :]):
            words = f"the line has {len(cells):,} cells, the header {len(header):,}"
            problem = SheetError(line, None, "too_many_cells", words)
        named = {name: cell for name, cell in zip(header, cells, strict=False) if name}
        yield Record(line, named, problem or check_cells(line, named, limits))


def check_cells(line: int, cells: Cells, limits: SheetLimits) -> SheetError | None:
    """Return the first cell that is too large or has a NUL, or ``None``."""
    for name, cell in cells.items():
        if not isinstance(cell, str):
            continue
        if len(cell) * 4 > limits.cell_bytes and (size := len(cell.encode())) > limits.cell_bytes:
            words = (
                f"the cell has {size:,} bytes; at most {limits.cell_bytes:,} are permitted "
                "(DARKROOM_CAMPAIGN_CELL_BYTES)"
            )
            return SheetError(line, name, "cell_too_large", words)
        if "\0" in cell:
            return SheetError(line, name, "nul", "a NUL character (U+0000) can't be stored")
    return None
