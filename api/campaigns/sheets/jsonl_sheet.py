"""JSONL: one JSON object per line."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from api.campaigns.sheets.record import Record, SheetError, SheetLimits, check_cells


def read_jsonl(path: Path, encoding: str, limits: SheetLimits) -> Iterator[Record]:
    """Yield the records of a JSONL file; a line that can't be read has a problem."""
    longest = 4 * limits.cell_bytes
    with path.open(encoding=encoding, newline="\n") as file:
        number = 0
        while text := file.readline(longest + 1):
            number += 1
            if len(text) > longest:
                words = f"the line has more than {longest:,} characters (DARKROOM_CAMPAIGN_CELL_BYTES)"
                yield Record(number, {}, SheetError(number, None, "cell_too_large", words))
                while len(text) > longest and not text.endswith("\n"):
                    text = file.readline(longest + 1)
            elif text.strip():
                yield _record(number, text, limits)


def _record(number: int, text: str, limits: SheetLimits) -> Record:
    try:
        value: Any = orjson.loads(text)
    except (ValueError, RecursionError) as error:
        return Record(number, {}, SheetError(number, None, "malformed_json", f"not valid JSON: {error}"))
    if not isinstance(value, dict):
        return Record(number, {}, SheetError(number, None, "malformed_json", "must be a JSON object"))
    if len(value) > limits.columns:
        words = (
            f"the line has {len(value):,} members; at most {limits.columns:,} are permitted "
            "(DARKROOM_CAMPAIGN_COLUMNS)"
        )
        return Record(number, {}, SheetError(number, None, "too_many_columns", words))
    return Record(number, value, check_cells(number, value, limits))
