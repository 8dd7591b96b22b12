"""Exports of campaigns: wait until one is ready, and download it, going on where a download ended."""

import os
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from darkroom_client.documents import Document, as_document, member, optional, required
from darkroom_client.errors import ConnectionFailed, DarkroomError, InvalidResponse
from darkroom_client.exchange.messages import read_problem
from darkroom_client.exchange.operation import Bound, operation
from darkroom_client.exchange.session import Session, segment
from darkroom_client.exchange.transport import Transport

M = TypeVar("M", bound=Transport)
_ROOT = "/v1/exports"
_ENDED = frozenset({"ready", "failed", "expired"})
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0  # seconds between polls
_BLOCK = 2**20  # bytes that are written at a time
_PARTIAL = 206


@dataclass(frozen=True, slots=True)
class Export(Bound[M]):
    """An export as it was when it was read. One with a destination has nothing to download."""

    id: str
    status: str
    format: str
    items: int | None
    pictures: int | None
    missing: int | None  #: pictures whose file is missing or damaged
    size: int | None  #: bytes
    error: str | None
    document: Document = field(repr=False, compare=False)
    _session: Session[M] = field(repr=False, compare=False)

    @operation
    async def wait(self, /, *, timeout: float | None = None) -> "Export[M]":
        """Return it once it is ready.

        Raises ``DarkroomError`` if it failed, or is not ready after so many seconds.
        """
        return await wait_export(self, timeout=timeout)

    @operation
    async def save(self, /, path: str | os.PathLike[str]) -> Path:
        """Download it to a file, whole or not at all; returns its path.

        A download that broke off, also one of an earlier run, goes on at the byte where it ended (RFC 9110,
        range requests). Raises ``DarkroomError`` and ``OSError``.
        """
        return await save_export(self, path)


async def wait_export(export: Export[M], *, timeout: float | None = None) -> Export[M]:
    """Return an export once it is ready; see ``Export.wait``."""
    session, pause = export._session, _SHORTEST_PAUSE
    end = float("inf") if timeout is None else session.transport.now() + timeout
    while export.status not in _ENDED:
        if session.transport.now() >= end:
            raise DarkroomError(f"The export {export.id} is not ready after {timeout:g} s; it goes on.")
        await session.transport.sleep(pause)
        pause = min(_LONGEST_PAUSE, pause * 1.5)
        export = await get_export(session, export.id)
    if export.status != "ready":
        raise DarkroomError(f"The export {export.id} {export.status}: {export.error or 'make a new one'}.")
    return export


async def save_export(export: Export[M], path: str | os.PathLike[str]) -> Path:
    """Download an export to a file; see ``Export.save``."""
    target, session, attempt = Path(path), export._session, 0
    await wait_export(export)
    while True:
        before = await _size_of_part(session, target, export.id)
        try:
            return await _download(session, target, export.id)
        except ConnectionFailed as error:
            came = await _size_of_part(session, target, export.id)
            attempt = 1 if came > before else attempt + 1
            await session.back_off(attempt, error, repeatable=not isinstance(error, InvalidResponse))


async def get_export(session: Session[M], export_id: str) -> Export[M]:
    """Return an export."""
    return read_export(session, await session.call("GET", f"{_ROOT}/{segment(export_id, 'export')}"))


def read_export(session: Session[M], value: object) -> Export[M]:
    """Return the export of a document. Raises ``InvalidResponse``."""
    document = as_document(value, "export")
    return Export(
        id=required(document, "id"),
        status=member(document, "status", str, ""),
        format=member(document, "format", str, ""),
        items=optional(document, "items", int),
        pictures=optional(document, "pictures", int),
        missing=optional(document, "missing", int),
        size=optional(document, "bytes", int),
        error=optional(document, "error", str),
        document=document,
        _session=session,
    )


def _part_of(target: Path, export_id: str) -> Path:
    return target.with_name(f".{target.name}.{export_id}.part")


async def _size_of_part(session: Session[M], target: Path, export_id: str) -> int:
    return await session.transport.file_size(_part_of(target, export_id)) or 0


async def _download(session: Session[M], target: Path, export_id: str) -> Path:
    """Read the content from the byte where the part of it ends, and put it in place."""
    address, part = f"{_ROOT}/{segment(export_id, 'export')}/content", _part_of(target, export_id)
    head = await session.send(session.request("HEAD", address))
    length, etag = head.headers.get("content-length", ""), head.headers.get("etag", "")
    if not (length.isascii() and length.isdigit()):
        raise InvalidResponse(f"The server does not say how long the export {export_id} is.")
    total = int(length)
    tag = part.with_name(f"{part.name}.etag")
    start = await _size_of_part(session, target, export_id)
    if start and (start > total or await _read_tag(session, tag) != etag):
        start = 0  # it was prepared anew
    await session.transport.write_file(tag, etag.encode())
    if start < total:
        wanted = {"Range": f"bytes={start}-", "If-Range": etag} if start else {}
        async with session.transport.stream(session.request("GET", address, headers=wanted)) as response:
            if not response.head.is_success:
                raise read_problem(response.head)
            at = start if response.head.status == _PARTIAL else 0
            async with aclosing(response.pieces()) as pieces:
                block = bytearray()
                async for piece in pieces:
                    block += piece
                    if len(block) >= _BLOCK:
                        await session.transport.append_file(part, bytes(block), at=at)
                        at += len(block)
                        block.clear()
                await session.transport.append_file(part, bytes(block), at=at)
                at += len(block)
        if at != total:
            raise ConnectionFailed(f"The export {export_id} ended after {at:,} of {total:,} bytes.")
    await session.transport.move_file(part, target)
    await session.transport.delete_file(tag)
    return target


async def _read_tag(session: Session[M], tag: Path) -> str | None:
    try:
        content: bytes = await session.transport.read_file(tag)
    except OSError:
        return None
    return content.decode("latin-1")
