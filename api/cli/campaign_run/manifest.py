"""Manifest of a run: a line for each item, as JSON Lines and as CSV, written once the run has ended."""

import csv
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

import orjson

from api.cli.campaign_run.output_folder import OutputFolder
from darkroom_client import Item
from worker.exports.cells import cell

_COLUMNS = (
    *("key", "variant", "status", "file", "prompt", "model", "take", "verdict", "error", "message"),
    *("job", "sha256", "width", "height", "bytes"),
)
NAMES = ("manifest.jsonl", "manifest.csv")


def write_manifest(folder: OutputFolder, items: Iterable[Item[Any]]) -> Path:
    """Write both files; return the path of the JSON Lines."""
    lines, table = (folder.path / name for name in NAMES)
    with _replaced(lines, "wb") as json_file, _replaced(table, "w") as csv_file:
        rows = csv.writer(csv_file)
        rows.writerow(_COLUMNS)
        for item in items:
            for record in records_of(item, folder):
                json_file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
                rows.writerow([cell(record[column]) for column in _COLUMNS])
    return lines


def records_of(item: Item[Any], folder: OutputFolder) -> Iterator[dict[str, Any]]:
    """Yield a record for each picture of an item; one without a file, if it has none."""
    common = {
        "key": item.key,
        "variant": item.variant,
        "status": item.status,
        "file": None,
        "prompt": item.prompt,
        "model": item.model,
        "take": item.takes,
        "verdict": item.verdict,
        "error": item.error,
        "message": item.message,
        "job": item.job.id if item.job else None,
        **dict.fromkeys(("sha256", "width", "height", "bytes")),
    }
    files = folder.files_of(item.id) if item.pictures else ()
    if not files:
        yield common
    for name, picture in zip(files, item.pictures, strict=False):
        yield {
            **common,
            "file": name,
            "sha256": picture.sha256,
            "width": picture.width,
            "height": picture.height,
            "bytes": picture.size,
        }


@contextmanager
def _replaced(path: Path, mode: str) -> Iterator[IO[Any]]:
    """Open a file that takes its place when it is complete."""
    part = path.with_name(f".{path.name}.{token_hex(4)}.part")
    text: dict[str, Any] = {} if "b" in mode else {"encoding": "utf-8-sig", "newline": ""}
    try:
        with part.open(mode, **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
