"""TOML files that people write: read, or said in one sentence why not."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.errors import SettingsError
from models.integrity.field_errors import one_line


def read_toml(path: Path, *, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """Return the tables of a TOML file. Raises ``SettingsError`` with one sentence."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=parse_float)
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError([f"{one_line(str(path))} {_problem(error)}."]) from error


def _problem(error: Exception) -> str:
    match error:
        case OSError():
            return f"can't be read: {error.strerror or error}"
        case UnicodeDecodeError():
            return f"is not valid TOML: it is not UTF-8 from byte {error.start} on"
        case tomllib.TOMLDecodeError():
            return f"is not valid TOML: {one_line(str(error))}"
        case RecursionError():
            return "is not valid TOML: its lists or tables are nested too deeply"
    return "can't be read: its name, or a number in it, is no valid one"  # NUL, or thousands of digits
