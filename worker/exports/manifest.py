"""Files beside the pictures: ``manifest.jsonl``, ``manifest.csv``, ``SHA256SUMS`` and the contact sheet."""

import csv
import html
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import orjson

from models.clock import rfc3339
from worker.exports.cells import Value, cell

JSONL, CSV, SUMS, SHEET = "manifest.jsonl", "manifest.csv", "SHA256SUMS", "index.html"
NAMES = (JSONL, CSV, SHEET, SUMS)
_LONGEST_PROMPT = 300  # characters below a picture
_HEAD = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src *; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body{{font:14px/1.4 system-ui,sans-serif;margin:1.5rem;background:#fff;color:#222}}
main{{display:grid;grid-template-columns:repeat(auto-fill,minmax(220px,1fr));gap:1rem}}
figure{{margin:0;overflow-wrap:anywhere}}
img{{width:100%;height:220px;object-fit:contain;background:#f2f2f2}}
</style>
<h1>{title}</h1>
<main>
"""


class Manifest:
    """Writes the files into a folder as records come."""

    def __init__(self, folder: Path, title: str, columns: Sequence[str]) -> None:
        self._stack = ExitStack()
        self._jsonl, self._csv, self._sums, self._sheet = (
            self._stack.enter_context((folder / name).open("w", encoding="utf-8", newline=""))
            for name in (JSONL, CSV, SUMS, SHEET)
        )
        self._columns = columns
        self._csv.write("\ufeff")  # spreadsheets take a CSV without it for one in a local encoding
        self._writer = csv.writer(self._csv)
        self._writer.writerow([cell(name) for name in columns])
        self._sheet.write(_HEAD.format(title=html.escape(title)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def add(self, record: Mapping[str, Value], file: str | None) -> None:
        """Add the record of a picture; ``file``: its path in the export, or that of no file."""
        self._jsonl.write(to_json(record).decode() + "\n")
        self._writer.writerow([cell(record.get(name)) for name in self._columns])
        if file is not None:
            self._sheet.write(_figure(record, file))

    def add_sum(self, sha256: str, file: str) -> None:
        """Add the checksum of a file."""
        self._sums.write(f"{sha256}  {file}\n")

    def flush(self) -> None:
        """End all files but the checksums, which follow."""
        self._sheet.write("</main></html>\n")
        for each in (self._jsonl, self._csv, self._sheet):
            each.close()

    def close(self) -> None:
        """End the checksums too."""
        self._stack.close()


def to_json(record: Mapping[str, Value]) -> bytes:
    """Return a record as one line of JSON."""
    return orjson.dumps({name: json_value(value) for name, value in record.items()})


def json_value(value: Value) -> str | int | float | bool | None:
    """Return a value as JSON has it: times as in the API."""
    return rfc3339(value) if isinstance(value, datetime) else value


def parse_sums(content: bytes) -> dict[str, str]:
    """Return the checksum of each file in ``SHA256SUMS``; lines that are none are left out."""
    lines = content.decode("utf-8", "replace").splitlines()
    pairs = (line.partition("  ") for line in lines)
    return {name: sha256 for sha256, _, name in pairs if len(sha256) == 64 and name}


def _figure(record: Mapping[str, Value], file: str) -> str:
    prompt = str(record.get("prompt") or "")
    lines = [record.get("key"), record.get("variant"), record.get("verdict") or record.get("status")]
    words = " · ".join(html.escape(str(each)) for each in lines if each)
    source = html.escape(quote(f"./{file}"))
    return (
        f'<figure><a href="{source}"><img loading="lazy" alt="{html.escape(prompt[:_LONGEST_PROMPT])}" '
        f'src="{source}"></a><figcaption><b>{words}</b><br>{html.escape(prompt[:_LONGEST_PROMPT])}'
        "</figcaption></figure>\n"
    )
