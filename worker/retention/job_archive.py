"""Archive of deleted jobs: each with its calls, images and history as one line of JSON, packed by Zstandard.

An object is written before its jobs are deleted. If the process dies in between, they are written again: a
reader takes the last line of a job.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson
import zstandard
from sqlalchemy import Row

from models.clock import rfc3339
from models.ids import new_id, public_id

TYPE = "application/zstd"
PREFIX = "archive/jobs/"
_HIDDEN = frozenset({"lease_token", "key_hash"})
_LARGEST = 512 * 2**20  # bytes of one unpacked object


def archive_key(at: datetime) -> str:
    """Return the key of a new object of this day."""
    return f"{PREFIX}{at:%Y/%m/%d}/{new_id()}.jsonl.zst"


def pack(
    jobs: Sequence[Row[Any]],
    attempts: Sequence[Row[Any]],
    assets: Sequence[Row[Any]],
    events: Sequence[Row[Any]],
) -> bytes:
    """Return the object of jobs with what belongs to them."""
    lines = []
    for job in jobs:
        document = {
            "id": public_id("job", job.id),
            "job": _plain(job),
            "attempts": [_plain(row) for row in attempts if row.job_id == job.id],
            "assets": [_plain(row) for row in assets if row.job_id == job.id],
            "events": [_plain(row) for row in events if row.job_id == job.id],
        }
        lines.append(orjson.dumps(document, default=str, option=orjson.OPT_APPEND_NEWLINE))
    return zstandard.ZstdCompressor(level=9).compress(b"".join(lines))


def unpack(content: bytes) -> Iterator[dict[str, Any]]:
    """Yield the documents of an object. Raises ``ValueError`` if it is none, or damaged."""
    try:
        with zstandard.ZstdDecompressor().stream_reader(content) as reader:
            text = reader.read(_LARGEST)
    except zstandard.ZstdError as error:
        raise ValueError(f"this is no archive of jobs: {error}") from error
    if not text:
        raise ValueError("this is no archive of jobs: it is empty")
    for line in text.splitlines():
        document = orjson.loads(line)
        if not isinstance(document, dict) or "job" not in document:
            raise ValueError("this is no archive of jobs: a line has no job")
        yield document


def _plain(row: Row[Any]) -> dict[str, Any]:
    """Return a row as JSON knows it; empty columns are left out."""
    shown = {str(name): value for name, value in row._mapping.items() if name not in _HIDDEN}
    return {name: _value(value) for name, value in shown.items() if value is not None}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    return str(value) if isinstance(value, UUID | date) else value
