"""Catalogs of texts: PO files of a language to one catalog of gettext.

The files are part of the wheel, one per page or part; a process compiles them when it first needs them: no
compiled file can be older than its text.
"""

import ast
import gettext
import io
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "locales"
_MAGIC = 0x950412DE  # of MO files, little-endian (GNU gettext manual, 10.3)
_HEADER_BYTES = 28


def read_catalog(text: str) -> dict[str, str]:
    """Return the translations of a PO file by their text; plural forms are joined as MO files have them.

    Raises ``ValueError`` for a text that occurs twice, or has no translation.
    """
    found: dict[str, str] = {}
    for entry in _entries(text):
        key = entry["msgid"]
        if "msgid_plural" in entry:
            key = f"{key}\0{entry['msgid_plural']}"
            forms = [value for name, value in sorted(entry.items()) if name.startswith("msgstr[")]
        else:
            forms = [entry["msgstr"]]
        if key in found or not all(forms):
            raise ValueError(f"{key!r} occurs twice, or has no translation")
        found[key] = "\0".join(forms)
    return found


def _entries(text: str) -> Iterator[dict[str, str]]:
    """Yield the entries of a PO file by their keywords."""
    entry: dict[str, str] = {}
    keyword = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if entry:
                yield entry
            entry = {}
        elif line.startswith('"'):
            entry[keyword] += ast.literal_eval(line)
        else:
            keyword, _, value = line.partition(" ")
            entry[keyword] = ast.literal_eval(value)


def compile_catalog(texts: Mapping[str, str]) -> bytes:
    """Return the MO file of a catalog: sorted by text, without a hash table."""
    pairs = sorted((key.encode(), value.encode()) for key, value in texts.items())
    tables = _HEADER_BYTES, _HEADER_BYTES + 8 * len(pairs)
    offset = tables[1] + 8 * len(pairs)
    indexes: list[bytes] = []
    content: list[bytes] = []
    for column in (0, 1):
        for pair in pairs:
            indexes.append(struct.pack("<II", len(pair[column]), offset))
            content.append(pair[column] + b"\0")
            offset += len(content[-1])
    header = struct.pack("<7I", _MAGIC, 0, len(pairs), *tables, 0, 0)
    return header + b"".join(indexes) + b"".join(content)


def load_catalog(language: str) -> gettext.NullTranslations:
    """Return the catalog of all files of a language; without any, texts are shown as they are.

    Raises ``ValueError`` if two files translate a text differently.
    """
    texts: dict[str, str] = {}
    for path in sorted((FOLDER / language).glob("*.po")):
        for key, value in read_catalog(path.read_text(encoding="utf-8")).items():
            if texts.setdefault(key, value) != value:
                raise ValueError(f"{path.name}: {key!r} is translated otherwise in another file")
    if not texts:
        return gettext.NullTranslations()
    return gettext.GNUTranslations(io.BytesIO(compile_catalog(texts)))
