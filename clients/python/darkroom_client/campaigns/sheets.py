"""Rows as the API takes them: a sheet as it is, with the files that it names; or values as JSON Lines."""

import io
import json
import os
import re
import zipfile
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import unescape
from pathlib import Path, PurePosixPath
from secrets import token_hex
from typing import Any, TypeAlias

from darkroom_client.errors import InputError
from darkroom_client.exchange.session import Session
from darkroom_client.resources.input_images import InputImages, read_image

Rows: TypeAlias = str | os.PathLike[str] | Iterable[Mapping[str, Any]]
"""A path of a sheet (CSV, TSV, JSONL or XLSX); or the rows, each a value by column."""

MEDIA_TYPES = {
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/jsonl",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""Media type of a sheet by its ending."""
_BATCH_BYTES = 16 * 2**20  # of rows in one request
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".heic")
_BETWEEN_NAMES = re.compile(r'[,;\t|"\r\n<>\[\]]')
_MOST_UNPACKED = 256 * 2**20  # bytes of the text of a workbook in which file names are looked for
_MOST_FILES = 5_000


@dataclass(frozen=True, slots=True)
class Body:
    """The body of one import."""

    content: bytes
    media_type: str


async def bodies_of(
    session: Session[Any], rows: Rows, files: Sequence[str | os.PathLike[str]]
) -> AsyncGenerator[Body, None]:
    """Yield the bodies of the requests that import rows: one for a sheet. Raises ``InputError``.

    ``files``: pictures to send along, besides those that the cells of a sheet name and that are beside it.
    """
    if isinstance(rows, str | os.PathLike):
        yield await _sheet(session, Path(rows), files)
        return
    images, lines, size = InputImages(session), list[bytes](), 0
    for number, row in enumerate(rows, 1):
        line = await _line(row, number, images)
        if lines and size + len(line) > _BATCH_BYTES:
            yield Body(b"\n".join(lines), MEDIA_TYPES[".jsonl"])
            lines, size = [], 0
        lines.append(line)
        size += len(line)
    yield Body(b"\n".join(lines), MEDIA_TYPES[".jsonl"])


async def _line(row: Mapping[str, Any], number: int, images: InputImages[Any]) -> bytes:
    """Return a row as a line of JSON, its images as URLs and ids."""
    if not isinstance(row, Mapping):
        raise InputError(f"rows[{number - 1}]", f"give a value by column, not {type(row).__name__}")
    if isinstance(given := row.get("images"), list | tuple):
        row = {**row, "images": await images.refer(given, f"rows[{number - 1}].images")}
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"rows[{number - 1}]", f"can't be sent as JSON: {error}") from error


async def _sheet(session: Session[Any], path: Path, files: Sequence[str | os.PathLike[str]]) -> Body:
    media_type = MEDIA_TYPES.get(path.suffix.lower())
    if media_type is None:
        raise InputError("rows", f"{path.name!r} is no sheet; it must end with {', '.join(MEDIA_TYPES)}")
    try:
        content: bytes = await session.transport.read_file(path)
    except OSError as error:
        raise InputError("rows", f"{str(path)!r} can't be read: {error.strerror or error}") from error
    beside = await _files_beside(session, path, content)
    for each in files:
        beside[_name_beside(Path(each), path.parent)] = await read_image(session, each, "files")
    if len(beside) > _MOST_FILES:
        raise InputError("files", f"these are {len(beside):,}; at most {_MOST_FILES:,} go with one sheet")
    return _form(path.name, media_type, content, beside) if beside else Body(content, media_type)


async def _files_beside(session: Session[Any], path: Path, content: bytes) -> dict[str, bytes]:
    """Return the pictures that cells name and that exist in the folder of the sheet, or in one below it."""
    found = dict[str, bytes]()
    for name in sorted(_named_pictures(path, content)):
        try:
            found[name] = await session.transport.read_file(path.parent / name)
        except (OSError, ValueError):
            continue  # the server names the cell
    return found


def _named_pictures(path: Path, content: bytes) -> set[str]:
    text = _workbook_text(content) if path.suffix.lower() == ".xlsx" else _text(content)
    names = {part.strip() for part in _BETWEEN_NAMES.split(text) if part.strip().lower().endswith(_PICTURES)}
    return {name for name in names if _is_beside(name)}


def _is_beside(name: str) -> bool:
    pure = PurePosixPath(name.replace("\\", "/"))
    return "://" not in name and not pure.is_absolute() and ".." not in pure.parts and ":" not in name


def _text(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030", "replace")


def _workbook_text(content: bytes) -> str:
    """Return the texts of a workbook; nothing, if it is none or unpacks to too much."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = [
                part
                for part in archive.infolist()
                if part.filename == "xl/sharedStrings.xml" or part.filename.startswith("xl/worksheets/")
            ]
            if sum(part.file_size for part in parts) > _MOST_UNPACKED:
                return ""
            return unescape(" ".join(archive.read(part).decode("utf-8", "replace") for part in parts))
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError):
        return ""


def _name_beside(path: Path, folder: Path) -> str:
    """Return the name by which rows call a file: from the folder of the sheet, if it is below."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name


def _form(sheet: str, media_type: str, content: bytes, files: Mapping[str, bytes]) -> Body:
    """Return a form (RFC 7578) with a sheet and the files beside it."""
    boundary = token_hex(16)
    parts = [("sheet", sheet, media_type, content)]
    parts += [("file", name, "application/octet-stream", data) for name, data in files.items()]
    pieces = list[bytes]()
    for field, name, kind, data in parts:
        quoted = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        head = f'Content-Disposition: form-data; name="{field}"; filename="{quoted}"\r\nContent-Type: {kind}'
        pieces += [f"--{boundary}\r\n{head}\r\n\r\n".encode(), data, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return Body(b"".join(pieces), f"multipart/form-data; boundary={boundary}")
