"""Pictures to be examined: claimed a few at a time, and what was found in them, also by comparison.

Pictures of one campaign are compared one after the other: of two that are the same, the later one is marked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Row, bindparam, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.checks.near_duplicates import bands_of, is_near
from models.tables import assets, jobs, picture_bands
from models.tables import campaign_items as items

MOST_CANDIDATES = 4_000  #: pictures that share a band with one, and are compared with it
_LOCK = select(func.pg_advisory_xact_lock(bindparam("key", type_=BigInteger)))
_SPACE = 0x636865636B73  # keeps these locks apart from others of the same number
_DUE = assets.c.check_due_at.is_not(None)


@dataclass(frozen=True, slots=True)
class DuePicture:
    """A picture to be examined, with what its job asked for."""

    id: UUID
    key: str
    content_type: str
    width: int | None
    height: int | None
    bytes: int
    tries: int
    job_id: UUID
    request: Mapping[str, Any]
    item_id: UUID | None  #: its job is a take of this item
    campaign_id: UUID | None  #: of the item


async def claim_due(
    connection: AsyncConnection, *, at: datetime, until: datetime, limit: int
) -> Sequence[DuePicture]:
    """Claim the pictures that are due longest; their claims end by themselves."""
    query = select(assets.c.id).where(_DUE, assets.c.check_due_at <= at).order_by(assets.c.check_due_at)
    keys = (await connection.scalars(query.limit(limit).with_for_update(skip_locked=True))).all()
    if not keys:
        return []
    tries = func.coalesce(assets.c.check_tries, 0) + 1
    own = assets.c.id.in_(keys), _DUE, assets.c.check_due_at <= at
    await connection.execute(update(assets).where(*own).values(check_due_at=until, check_tries=tries))
    found = {picture.id: picture for picture in await _find(connection, keys)}
    return [found[key] for key in keys if key in found]


async def any_due(connection: AsyncConnection, at: datetime) -> bool:
    """Return whether a picture is due."""
    query = select(assets.c.id).where(_DUE, assets.c.check_due_at <= at)
    return await connection.scalar(query.limit(1)) is not None


async def _find(connection: AsyncConnection, keys: Sequence[UUID]) -> Sequence[DuePicture]:
    query = (
        select(
            assets.c.id,
            assets.c.key,
            assets.c.content_type,
            assets.c.width,
            assets.c.height,
            assets.c.bytes,
            assets.c.check_tries,
            assets.c.job_id,
            jobs.c.request,
            jobs.c.item_id,
            items.c.campaign_id,
        )
        .select_from(
            assets.join(jobs, jobs.c.id == assets.c.job_id).outerjoin(items, items.c.id == jobs.c.item_id)
        )
        .where(assets.c.id.in_(keys))
    )
    return [DuePicture(*row) for row in await connection.execute(query)]


async def postpone(connection: AsyncConnection, keys: Sequence[UUID], until: datetime) -> None:
    """Examine pictures later."""
    await connection.execute(update(assets).where(assets.c.id.in_(keys), _DUE).values(check_due_at=until))


async def lock_comparisons(connection: AsyncConnection, campaign_id: UUID) -> None:
    """Let comparisons of the same campaign wait for each other, until this transaction ends.

    SQLite's writers take turns anyway.
    """
    if connection.dialect.name == "postgresql":
        number = int.from_bytes(campaign_id.bytes[8:], signed=True) ^ _SPACE
        await connection.execute(_LOCK, {"key": number})


async def find_duplicate(connection: AsyncConnection, campaign_id: UUID, picture: DuePicture) -> UUID | None:
    """Return an examined picture of the campaign with the same bytes."""
    query = (
        select(assets.c.id)
        .select_from(
            assets.join(jobs, jobs.c.id == assets.c.job_id).join(items, items.c.id == jobs.c.item_id)
        )
        .where(
            assets.c.key == picture.key,
            assets.c.id != picture.id,
            assets.c.checked_at.is_not(None),
            items.c.campaign_id == campaign_id,
        )
    )
    return await connection.scalar(query.order_by(assets.c.id).limit(1))


async def find_near_duplicate(connection: AsyncConnection, campaign_id: UUID, dhash: int) -> UUID | None:
    """Return an examined picture of the campaign that looks the same, among ``MOST_CANDIDATES``."""
    here = picture_bands.c
    query = (
        select(assets.c.id, assets.c.dhash)
        .select_from(picture_bands.join(assets, assets.c.id == here.asset_id))
        .where(here.campaign_id == campaign_id, here.band.in_(bands_of(dhash)))
        .limit(MOST_CANDIDATES)
    )
    found = [row.id for row in await connection.execute(query) if is_near(row.dhash, dhash)]
    return min(found, default=None)


async def insert_bands(connection: AsyncConnection, campaign_id: UUID, key: UUID, dhash: int) -> None:
    """Let later pictures of the campaign be compared with this one."""
    rows = [{"campaign_id": campaign_id, "asset_id": key, "band": band} for band in bands_of(dhash)]
    await connection.execute(insert(picture_bands), rows)


async def save_findings(
    connection: AsyncConnection, key: UUID, findings: Mapping[str, Any], *, at: datetime
) -> bool:
    """Write what was found in a picture; ``False``: another worker has done so."""
    statement = update(assets).where(assets.c.id == key, assets.c.checked_at.is_(None))
    found = await connection.execute(statement.values(checked_at=at, check_due_at=None, **findings))
    return found.rowcount == 1


async def any_unexamined(connection: AsyncConnection, campaign_id: UUID) -> bool:
    """Return whether a picture of a campaign's items waits to be examined."""
    query = (
        select(assets.c.id)
        .select_from(
            assets.join(jobs, jobs.c.id == assets.c.job_id).join(items, items.c.id == jobs.c.item_id)
        )
        .where(_DUE, items.c.campaign_id == campaign_id)
    )
    return await connection.scalar(query.limit(1)) is not None


async def count_reroll(connection: AsyncConnection, item_id: UUID) -> None:
    """Count a take that was made because of a finding."""
    statement = update(items).where(items.c.id == item_id)
    await connection.execute(statement.values(check_rerolls=items.c.check_rerolls + 1))


async def pictures_of_takes(connection: AsyncConnection, job_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Return the pictures of the present generation of takes."""
    query = (
        select(assets)
        .select_from(assets.join(jobs, jobs.c.id == assets.c.job_id))
        .where(
            assets.c.job_id.in_(job_ids),
            or_(assets.c.generation.is_(None), assets.c.generation == jobs.c.generation),
        )
    )
    return (await connection.execute(query.order_by(assets.c.job_id, assets.c.position))).all()
