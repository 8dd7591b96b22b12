"""Output folder of a run: pictures under safe names, each whole, and a journal of which item has which.

The journal is a line of JSON for each take that was written. It makes a run that goes on skip what is there,
keeps names apart that a file system would take for one, and guards files that are not ours.
"""

import hashlib
import json
import os
import threading
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.cli.exit_codes import CommandFailed, Exit
from darkroom_client import Item, Picture

JOURNAL = ".darkroom-run.jsonl"


@dataclass(frozen=True, slots=True)
class WrittenTake:
    """The files of an item's newest take."""

    job: str
    files: Sequence[str]


class OutputFolder:
    """The folder of one campaign. Threads may write items at the same time, each item by one of them."""

    def __init__(self, path: Path, campaign_id: str) -> None:
        self.path, self._journal = path, path / JOURNAL
        self._lock = threading.Lock()
        self._takes: dict[str, WrittenTake] = {}  # by item
        self._owners: dict[str, str] = {}  # items, by folded file name
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._load(campaign_id)
        except OSError as error:
            raise CommandFailed(Exit.USAGE, f"-o {path}: {error.strerror or error}.") from error

    def write(self, item: Item[Any]) -> Sequence[str]:
        """Write the pictures of an item unless they are there; return their names in the folder."""
        if not item.pictures or item.job is None:
            return ()
        known = self._takes.get(item.id)
        if known and known.job == item.job.id and all((self.path / name).is_file() for name in known.files):
            return known.files
        pairs = zip(item.file_names(), item.pictures, strict=True)
        names = [self._claim(item.id, name, picture) for name, picture in pairs]
        for name, picture in zip(names, item.pictures, strict=True):
            if not _holds(self.path / name, picture):
                picture.save(self.path / name)
        self._note(item.id, WrittenTake(item.job.id, names))
        return names

    def files_of(self, item_id: str) -> Sequence[str]:
        """Return the names of an item's files."""
        known = self._takes.get(item_id)
        return known.files if known else ()

    @property
    def count(self) -> int:
        """Items whose pictures are in the folder."""
        return len(self._takes)

    def _claim(self, item_id: str, wanted: str, picture: Picture[Any]) -> str:
        """Return a name that no other item has, and no file that is not ours."""
        stem, dot, ending = wanted.rpartition(".")
        with self._lock:
            number, name = 1, wanted
            while not self._is_free(item_id, name, picture):
                number += 1
                name = f"{stem}-{number}{dot}{ending}"
            self._owners[_folded(name)] = item_id
        return name

    def _is_free(self, item_id: str, name: str, picture: Picture[Any]) -> bool:
        owner = self._owners.get(_folded(name))
        if owner is not None:
            return owner == item_id
        path = self.path / name
        return not os.path.lexists(path) or _holds(path, picture)

    def _note(self, item_id: str, take: WrittenTake) -> None:
        line = json.dumps({"item": item_id, "job": take.job, "files": [*take.files]}, ensure_ascii=False)
        with self._lock, self._journal.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            self._takes[item_id] = take

    def _load(self, campaign_id: str) -> None:
        """Read the journal; a line that a crash has cut is passed over.

        Raises ``CommandFailed`` if it is that of another campaign.
        """
        lines = self._journal.read_text(encoding="utf-8").splitlines() if self._journal.is_file() else []
        head = _record(lines[0]) if lines else {}
        if lines and head.get("campaign") != campaign_id:
            raise CommandFailed(
                Exit.USAGE,
                f"-o {self.path} has the pictures of another campaign; name another folder, or delete "
                f"{self._journal} to mix them.",
            )
        if not lines:
            self._journal.write_text(json.dumps({"campaign": campaign_id}) + "\n", encoding="utf-8")
        for record in map(_record, lines[1:]):
            if isinstance(record.get("item"), str) and isinstance(record.get("files"), list):
                self._takes[record["item"]] = WrittenTake(str(record.get("job")), record["files"])
                self._owners |= {_folded(str(name)): record["item"] for name in record["files"]}
        if lines and not self._journal.read_bytes().endswith(b"\n"):
            with self._journal.open("a", encoding="utf-8") as file:
                file.write("\n")


def _record(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _folded(name: str) -> str:
    """Return a name as file systems compare it that mind neither case nor Unicode form."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _holds(path: Path, picture: Picture[Any]) -> bool:
    """Return whether a file has the bytes of a picture: an earlier run was killed after it wrote it."""
    if not path.is_file() or path.is_symlink() or path.stat().st_size != picture.size:
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() == picture.sha256
