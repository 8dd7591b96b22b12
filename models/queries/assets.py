"""Assets, the stored images of jobs and callers: found by id, job or public token; inserted many at once."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Insert,
    Row,
    func,
    insert,
    literal_column,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from models.driver.statement_batch import StatementBatch
from models.ids import new_id
from models.integrity.unreadable import readable
from models.queries.bulk import row_of, rows_parameter, rows_source
from models.states import JobStatus
from models.tables import assets, jobs

_NEWEST = 2**15 - 1  # an asset without a generation belongs to the present one
_STORING: ColumnElement[str] = literal_column(
    f"'{JobStatus.STORING.value}'"
)  # as the partial indexes have it


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAsset:
    """An asset to insert, by the columns of its row."""

    caller_id: UUID
    job_id: UUID | None = None  #: ``None`` for input images, and images made for a Midjourney task
    position: int = 0  #: among the assets of its job in this generation
    generation: int | None = None  #: of its job
    key: str  #: in the object store
    sha256: str
    content_type: str
    extension: str
    width: int | None
    height: int | None
    bytes: int
    source_url: str | None
    created_at: datetime
    unused_until: datetime | None = None  #: of an input image; see ``models.queries.uploads``
    check_due_at: datetime | None = None  #: to be examined from then on; ``None``: it is not
    id: UUID = field(default_factory=new_id)
    token: str = field(default_factory=partial(secrets.token_urlsafe, 18))  #: of its public URL


async def find_asset(
    connection: AsyncConnection, asset_id: UUID, *, caller_id: UUID | None
) -> Row[Any] | None:
    """Return a caller's asset (``None``: anybody's), or ``None``."""
    query = select(assets).where(assets.c.id == asset_id)
    if caller_id is not None:
        query = query.where(assets.c.caller_id == caller_id)
    return (await connection.execute(query)).first()


async def list_assets_by_id(
    connection: AsyncConnection, asset_ids: Sequence[UUID], *, caller_id: UUID | None
) -> Sequence[Row[Any]]:
    """Return those of the assets that a caller has (``None``: anybody)."""
    query = select(assets).where(assets.c.id.in_(asset_ids))
    if caller_id is not None:
        query = query.where(assets.c.caller_id == caller_id)
    return (await connection.execute(query)).all()


async def find_asset_by_token(connection: AsyncConnection, token: str) -> Row[Any] | None:
    """Return the asset whose public URL has this token, or ``None``."""
    return (await connection.execute(select(assets).where(assets.c.token == token))).first()


async def find_inputs(
    connection: AsyncConnection, asset_ids: Sequence[UUID], caller_id: UUID
) -> Sequence[Row[Any]]:
    """Return those of the assets that belong to a caller."""
    statement = select(assets).where(assets.c.id.in_(asset_ids), assets.c.caller_id == caller_id)
    return (await connection.execute(statement)).all()


async def find_input_by_key(connection: AsyncConnection, key: str, *, caller_id: UUID) -> UUID | None:
    """Return a caller's input image with this content, by its key in the object store, or ``None``."""
    query = select(assets.c.id).where(
        assets.c.key == key,
        assets.c.caller_id == caller_id,
        assets.c.job_id.is_(None),
        assets.c.missing_at.is_(None),
    )
    return await connection.scalar(query.order_by(assets.c.id).limit(1))


async def list_assets(connection: AsyncConnection, job_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Return the assets of these jobs, of all generations, by job, generation and position."""
    if not job_ids:
        return []
    query = select(assets).where(assets.c.job_id.in_(job_ids)).order_by(assets.c.job_id, assets.c.position)
    rows = readable(await connection.execute(query), "asset")
    # sorted here: the index that serves the query has no generation
    return sorted(rows, key=lambda row: (row.job_id, row.generation or _NEWEST))


async def number_generations(connection: AsyncConnection, job_ids: Sequence[UUID]) -> None:
    """Write the generation of the assets of jobs that have none; it ends, and a new one starts."""
    present = select(jobs.c.generation).where(jobs.c.id == assets.c.job_id).scalar_subquery()
    unnumbered = assets.c.job_id.in_(job_ids), assets.c.generation.is_(None)
    await connection.execute(update(assets).where(*unnumbered).values(generation=present))


async def keys_in_use(connection: AsyncConnection, keys: Sequence[str]) -> set[str]:
    """Return those of the keys of the object store that an asset names."""
    return set(await connection.scalars(select(assets.c.key).where(assets.c.key.in_(keys)).distinct()))


async def keys_with_thumbnails(connection: AsyncConnection, keys: Sequence[str]) -> set[str]:
    """Return those of the keys of images of which an asset shows thumbnails."""
    shown = assets.c.key.in_(keys), assets.c.thumbnails.is_not(None)
    return set(await connection.scalars(select(assets.c.key).where(*shown).distinct()))


async def pending_answers(connection: AsyncConnection) -> Sequence[Mapping[str, Any]]:
    """Return the answers of all jobs whose images are being stored: their files have no assets yet."""
    storing = select(jobs.c.answer).where(jobs.c.status == _STORING)
    waiting, leased = storing.where(jobs.c.worker_id.is_(None)), storing.where(jobs.c.worker_id.is_not(None))
    both = union_all(waiting, leased)  # each part has its own index
    return [answer for answer in await connection.scalars(both) if answer]


async def page_of_files(connection: AsyncConnection, after: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """Return id, job, key, size and state of the next assets by id."""
    names = ("id", "job_id", "key", "bytes", "missing_at")
    columns: tuple[Column[Any], ...] = tuple(assets.c[name] for name in names)
    query = select(*columns)
    query = query if after is None else query.where(assets.c.id > after)
    return (await connection.execute(query.order_by(assets.c.id).limit(limit))).all()


async def page_of_thumbnails(
    connection: AsyncConnection, after: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Return id, key and thumbnails of the next assets by id that show some."""
    columns: tuple[Column[Any], ...] = (assets.c.id, assets.c.key, assets.c.thumbnails)
    query = select(*columns).where(assets.c.thumbnails.is_not(None), assets.c.missing_at.is_(None))
    query = query if after is None else query.where(assets.c.id > after)
    return (await connection.execute(query.order_by(assets.c.id).limit(limit))).all()


async def save_thumbnails(
    connection: AsyncConnection, asset_id: UUID, thumbnails: Mapping[str, Sequence[int]] | None
) -> None:
    """Write which thumbnails an asset shows: width, height and bytes by side."""
    await connection.execute(update(assets).where(assets.c.id == asset_id).values(thumbnails=thumbnails))


async def mark_missing(connection: AsyncConnection, asset_ids: Sequence[UUID], at: datetime | None) -> None:
    """Write that the files of assets are missing; with ``None``, that they are there again."""
    if asset_ids:
        await connection.execute(update(assets).where(assets.c.id.in_(asset_ids)).values(missing_at=at))


async def count_missing(connection: AsyncConnection) -> int:
    """Count the assets whose file is missing."""
    statement = select(func.count()).select_from(assets).where(assets.c.missing_at.is_not(None))
    return await connection.scalar(statement) or 0


async def insert_assets(connection: AsyncConnection | StatementBatch, new: Sequence[NewAsset]) -> None:
    """Insert assets, many in one statement."""
    if new:
        rows = rows_parameter(connection, map(row_of, new))
        await connection.execute(_insert(connection.dialect.name), rows)


@lru_cache(maxsize=2)
def _insert(dialect: str) -> Insert:
    given = rows_source(dialect, list(assets.c))
    return insert(assets).from_select(
        [c.name for c in assets.c], select(*(given.c[c.name] for c in assets.c))
    )
