"""CSV cells that no spreadsheet runs as a formula (OWASP, CSV Injection)."""

import re
from datetime import datetime

from models.clock import rfc3339

_FORMULA = re.compile(r"[\s\x00-\x1f\ufeff]*[=+\-@＝＋－＠\t\r\n|%]")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d+)?", re.ASCII)

Value = str | int | float | bool | datetime | None


def cell(value: Value) -> str:
    """Return a value as the text of a cell; texts that begin like a formula get an apostrophe before them."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case datetime():
            return rfc3339(value)
        case str():
            return f"'{value}" if _FORMULA.match(value) and not _NUMBER.fullmatch(value) else value
        case _:
            return str(value)
