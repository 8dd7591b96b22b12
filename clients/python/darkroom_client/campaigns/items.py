"""Items of a campaign, each what one picture is wanted of, with the pictures of its newest take."""

import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from darkroom_client.campaigns.file_names import extension_of, file_stem
from darkroom_client.campaigns.values import WITH_PICTURE
from darkroom_client.documents import Document, as_document, as_documents, member, moment, optional, required
from darkroom_client.errors import DarkroomError
from darkroom_client.exchange.operation import Bound, operation
from darkroom_client.exchange.pages import read_pages
from darkroom_client.exchange.session import Session
from darkroom_client.exchange.transport import Transport
from darkroom_client.resources.job import Job, read_job
from darkroom_client.resources.pictures import Picture, picture_bytes

M = TypeVar("M", bound=Transport)
PAGE = 100  #: items of one page: the jobs of their newest takes fit into one request


@dataclass(frozen=True, slots=True)
class Item(Bound[M]):
    """An item as it was when it was read. ``job``: its newest take, ``None`` if its row can't be rendered."""

    id: str
    key: str
    variant: str
    status: str
    takes: int
    verdict: str | None
    error: str | None  #: code of the error of its newest take
    model: str | None
    ended_at: datetime | None
    job: Job[M] | None
    document: Document = field(repr=False, compare=False)
    _session: Session[M] = field(repr=False, compare=False)

    @property
    def pictures(self) -> tuple[Picture[M], ...]:
        """The pictures of its newest take."""
        return self.job.pictures if self.job else ()

    @property
    def is_made(self) -> bool:
        """Whether it has a picture."""
        return self.status in WITH_PICTURE

    @property
    def message(self) -> str | None:
        """Why it has no picture, in words."""
        return self.job.error.message if self.job and self.job.error else self.error

    @property
    def prompt(self) -> str | None:
        """The prompt of its newest take."""
        return self.job.prompt if self.job else None

    def file_names(self) -> tuple[str, ...]:
        """Return a file name for each picture, made of key and variant, which every file system can hold."""
        stem = file_stem(self.key, self.variant)
        return tuple(
            f"{stem}{'' if number == 1 else f'-{number}'}.{extension_of(picture.content_type)}"
            for number, picture in enumerate(self.pictures, 1)
        )

    @operation
    async def save(self, /, target: str | os.PathLike[str]) -> Sequence[Path]:
        """Write its pictures, each whole or not at all; return their paths.

        ``target`` is a file, whose further pictures get ``-2``, ``-3``, …; or, if it is a folder or ends with
        a slash, a folder for ``file_names``. Raises ``DarkroomError`` and ``OSError``.
        """
        if not self.pictures:
            raise DarkroomError(f"{self.key} has no picture: {self.message or self.status}")
        transport, path = self._session.transport, Path(target)
        if os.fspath(target).endswith(("/", os.sep)) or await transport.is_folder(path):
            paths = [path / name for name in self.file_names()]
        else:
            paths = [
                path if number == 1 else path.with_stem(f"{path.stem}-{number}")
                for number in range(1, len(self.pictures) + 1)
            ]
        for picture, each in zip(self.pictures, paths, strict=True):
            await transport.write_file(each, await picture_bytes(picture))
        return paths


async def list_items(
    session: Session[M], address: str, query: Mapping[str, Any], *, limit: int | None = None
) -> AsyncGenerator[Item[M], None]:
    """Yield items with their newest takes, up to ``limit`` of them (``None``: all)."""
    async for page in item_pages(session, address, query, limit=limit):
        for item in page:
            yield item


async def item_pages(
    session: Session[M], address: str, query: Mapping[str, Any], *, limit: int | None = None
) -> AsyncGenerator[Sequence[Item[M]], None]:
    """Yield items in pages, for each of which their jobs are read together."""
    page: list[Document] = []
    async for document in read_pages(session, f"{address}/items", query, limit=limit):
        page.append(document)
        if len(page) == PAGE:
            yield await read_items(session, page)
            page = []
    if page:
        yield await read_items(session, page)


async def read_items(session: Session[M], documents: Sequence[Document]) -> Sequence[Item[M]]:
    """Return the items of documents, with the jobs of their newest takes."""
    ids = [job for each in documents if (job := optional(each, "job", str))]
    jobs = await _read_jobs(session, ids) if ids else {}
    return [_read_item(session, each, jobs.get(each.get("job") or "")) for each in documents]


async def _read_jobs(session: Session[M], ids: Sequence[str]) -> dict[str, Job[M]]:
    query = {"ids": ",".join(ids), "limit": len(ids)}
    page = as_document(await session.call("GET", "/v1/jobs", query=query), "page")
    return {job.id: job for each in as_documents(page.get("data")) for job in [read_job(session, each)]}


def _read_item(session: Session[M], document: Document, job: Job[M] | None) -> Item[M]:
    return Item(
        id=required(document, "id"),
        key=member(document, "key", str, ""),
        variant=member(document, "variant", str, ""),
        status=member(document, "status", str, ""),
        takes=member(document, "takes", int, 0),
        verdict=optional(document, "verdict", str),
        error=optional(document, "error", str),
        model=optional(document, "model", str),
        ended_at=moment(document, "ended_at"),
        job=job,
        document=document,
        _session=session,
    )
