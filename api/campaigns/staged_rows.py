"""Staged rows: the rows of an import on disk until they are written, and the errors of the others.

A temporary SQLite file: memory stays flat however many rows there are, and duplicates are found by its index.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from api.campaigns.sheets.record import SheetError
from models.campaigns.row import RowContent
from models.queries.campaigns.rows import ImportedRow

MOST_LISTED = 200  #: errors that are listed; all are counted
_PAGE_BYTES = 8 * 1024 * 1024


class Staging:
    """The rows of one import in their order, each key once. Used by one thread at a time.

    ``most_listed``: of its errors.
    """

    def __init__(self, path: Path, *, most_listed: int = MOST_LISTED) -> None:
        self._most_listed = most_listed
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=OFF")
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.execute(
            "CREATE TABLE rows (position INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, "
            "line INTEGER NOT NULL, hash TEXT NOT NULL, content BLOB NOT NULL)"
        )
        self._database.execute("BEGIN")
        self.rows = 0
        self.duplicates = 0
        self.is_complete = True  #: the sheet was read to its end
        self.errors: list[SheetError] = []
        self.codes = Counter[str]()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add(self, row: ImportedRow) -> None:
        """Add a row; a key that was there before is an error of this one."""
        content = orjson.dumps([row.content.variables, row.content.overrides])
        values = (row.key, row.line, row.content_hash, content)
        try:
            self._database.execute("INSERT INTO rows (key, line, hash, content) VALUES (?, ?, ?, ?)", values)
        except sqlite3.IntegrityError:
            found = self._database.execute("SELECT line FROM rows WHERE key = ?", (row.key,)).fetchone()
            self.duplicates += 1
            words = f"the key {row.key[:100]!r} is that of line {found[0]:,} too"
            self.add_errors([SheetError(row.line, None, "duplicate_key", words)])
        else:
            self.rows += 1

    def add_errors(self, errors: Sequence[SheetError]) -> None:
        """Count errors, and list the first ones."""
        self.errors += errors[: self._most_listed - len(self.errors)]
        self.codes.update(error.code for error in errors)

    def pages(self, size: int) -> Iterator[list[ImportedRow]]:
        """Yield the rows in their order, some at a time: ``size``, or fewer if they are long."""
        found = self._database.execute("SELECT key, line, hash, content FROM rows ORDER BY position")
        page, length = list[ImportedRow](), 0
        for values in found:
            page.append(_row(*values))
            length += len(values[-1])
            if len(page) == size or length > _PAGE_BYTES:
                yield page
                page, length = [], 0
        if page:
            yield page

    def missing(self, keys: Sequence[str]) -> list[str]:
        """Return those of the keys that the import does not have."""
        marks = ",".join("?" * len(keys))
        found = self._database.execute(f"SELECT key FROM rows WHERE key IN ({marks})", list(keys))
        known = {key for (key,) in found}
        return [key for key in keys if key not in known]


def _row(key: str, line: int, content_hash: str, content: bytes) -> ImportedRow:
    variables, overrides = orjson.loads(content)
    values: dict[str, Any] = overrides
    return ImportedRow(key, line, RowContent(variables, values), content_hash)
