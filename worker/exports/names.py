"""File names that every file system can hold, each once: Windows, macOS and Linux, ZIP and object stores."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence

LONGEST = 120  #: bytes of one component in UTF-8, with room for a suffix
_DEEPEST = 8  # components of a path
_REPLACED = re.compile(
    r'[<>:"/\\|?*\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]'
)
"""Reserved on Windows, control characters, halves of characters, and marks that turn the direction."""
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{name}{digit}" for name in ("com", "lpt") for digit in "0123456789¹²³"]
)
"""Names of devices, with any extension (Microsoft, Naming Files, Paths, and Namespaces)."""


def safe_component(text: str) -> str:
    """Return a name of one file or folder, close to ``text``; never empty, never ``.`` or ``..``."""
    name = _REPLACED.sub("_", unicodedata.normalize("NFC", text))
    name = _cut(name.strip(" "), LONGEST).rstrip(" .")
    if name.startswith("."):
        name = f"_{name[1:]}"
    if name.split(".", 1)[0].rstrip(" ").casefold() in _DEVICES:
        name = f"_{name}"
    return name or "_"


def safe_path(text: str, extension: str) -> Sequence[str]:
    """Return the components of a relative path, split at ``/``; the last one ends with the extension."""
    *folders, file = [part for part in text.split("/") if part not in ("", ".", "..")] or ["_"]
    ending = f".{extension}"
    stem = file[: -len(ending)] if file.casefold().endswith(ending) else file
    folders = folders[: _DEEPEST - 1]
    return [*map(safe_component, folders), f"{safe_component(stem)}{ending}"]


class UniqueNames:
    """Makes paths unique, also where case or Unicode form do not count; in the order of their coming.

    It holds 8 bytes of hash for each name: a chance collision costs a needless suffix.
    """

    def __init__(self) -> None:
        self._files: set[int] = set()
        self._folders: set[int] = set()
        self._next: dict[int, int] = {}  # first suffix to try, of names that were taken

    def add(self, components: Sequence[str]) -> str:
        """Return the path, with a suffix such as ``-2`` where it was taken; no file is a folder too."""
        *folders, file = components
        path = ""
        for folder in folders:
            path = self._free(path, folder, "", self._files)
            self._folders.add(_hash(path))
            path += "/"
        stem, dot, extension = file.rpartition(".")
        path = self._free(
            path, stem if dot else file, dot + extension if dot else "", self._files, self._folders
        )
        self._files.add(_hash(path))
        return path

    def _free(self, prefix: str, stem: str, ending: str, *taken: set[int]) -> str:
        first = f"{prefix}{stem}{ending}"
        key = _hash(first)
        if not any(key in each for each in taken):
            return first
        number = self._next.get(key, 2)
        while any(_hash(path := f"{prefix}{stem}-{number}{ending}") in each for each in taken):
            number += 1
        self._next[key] = number
        return path


def _hash(path: str) -> int:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", path).casefold())
    return int.from_bytes(hashlib.blake2b(folded.encode(), digest_size=8).digest())


def _cut(text: str, most: int) -> str:
    """Return the beginning that has at most so many bytes, in whole characters."""
    raw = text.encode()
    return text if len(raw) <= most else raw[:most].decode(errors="ignore")
