"""Manifest of a backup: what the copy holds, so that a restore can check it before it writes anything."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

FORMAT = 1
MANIFEST, FILE_LIST, FILES = "manifest.json", "files.jsonl", "files"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Of one backup. It is written last: a folder without it holds no whole backup."""

    created_at: str  #: RFC 3339, before the database was copied
    version: str  #: of Darkroom
    revision: str  #: of the tables
    database: str  #: ``sqlite`` or ``postgresql``
    database_file: str
    database_sha256: str
    files: int
    bytes: int
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        """Write it into the folder of the backup."""
        (folder / MANIFEST).write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read it. Raises ``ValueError`` that says what is wrong with the folder."""
        try:
            value = json.loads((folder / MANIFEST).read_text())
        except FileNotFoundError:
            raise ValueError(
                f"{folder} holds no backup, or an unfinished one: it has no {MANIFEST}"
            ) from None
        except ValueError as error:
            raise ValueError(f"{MANIFEST} of {folder} can't be read: {error}") from None
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            raise ValueError(f"{folder} has a format of backups that this version does not know")
        try:
            return cls(**value)
        except TypeError:
            raise ValueError(f"{MANIFEST} of {folder} lacks members, or has unknown ones") from None


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One file of the object store."""

    key: str
    size: int  #: bytes
    sha256: str
    modified: str  #: RFC 3339; when it was last put

    def line(self) -> str:
        """Write it as one line of the list of files."""
        return json.dumps(asdict(self)) + "\n"


def read_files(folder: Path) -> Iterator[FileRecord]:
    """Yield the files of a backup; none if there is no list. Raises ``ValueError`` for a damaged list."""
    path = folder / FILE_LIST
    if not path.is_file():
        return
    with path.open() as lines:
        for number, line in enumerate(lines, 1):
            try:
                value: dict[str, Any] = json.loads(line)
                yield FileRecord(**value)
            except (TypeError, ValueError):
                raise ValueError(f"line {number} of {path} can't be read") from None
