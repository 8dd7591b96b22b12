"""Input images without a job: found by content, kept for a while, deleted unless a job names them.

``assets.unused_until`` is when one may be deleted; ``None``: for ever. An upload sets it, and so does the
deletion of a job that names the image; a submit that names it puts it off. Whether a job names it is read
once that time has come.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    TableValuedAlias,
    Text,
    case,
    cast,
    delete,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from models.ids import public_id
from models.tables import assets, jobs, midjourney_tasks


async def find_upload(connection: AsyncConnection, caller_id: UUID, key: str) -> Row[Any] | None:
    """Return a caller's input image with this content key, the oldest one, or ``None``."""
    own = assets.c.key == key, assets.c.caller_id == caller_id, assets.c.job_id.is_(None)
    return (await connection.execute(select(assets).where(*own).order_by(assets.c.id).limit(1))).first()


async def keep_upload(connection: AsyncConnection, asset_id: UUID, until: datetime) -> bool:
    """Keep an input image until then at least; its file is there. Return whether there is such an image."""
    later = case((assets.c.unused_until < until, until), else_=assets.c.unused_until)
    statement = update(assets).where(assets.c.id == asset_id).values(unused_until=later, missing_at=None)
    return (await connection.execute(statement)).rowcount > 0


async def renew_uploads(
    connection: AsyncConnection, asset_ids: Collection[UUID], until: datetime, *, before: datetime
) -> None:
    """Keep input images until then, those of them that might go before ``before``."""
    soon = assets.c.id.in_(asset_ids), assets.c.unused_until < before
    await connection.execute(update(assets).where(*soon).values(unused_until=until))


async def limit_unused(connection: AsyncConnection, asset_ids: Collection[UUID], until: datetime) -> None:
    """Let input images be deleted after ``until``, unless a job names them then."""
    inputs = assets.c.id.in_(asset_ids), assets.c.job_id.is_(None)
    await connection.execute(update(assets).where(*inputs).values(unused_until=until))


async def list_unused(
    connection: AsyncConnection, before: datetime, limit: int
) -> Sequence[tuple[UUID, UUID]]:
    """Return id and caller of input images that may be deleted since ``before``, by caller."""
    query = select(assets.c.id, assets.c.caller_id).where(assets.c.unused_until < before).limit(limit)
    return [(row.id, row.caller_id) for row in await connection.execute(query)]


async def named_by_jobs(
    connection: AsyncConnection, caller_id: UUID, asset_ids: Collection[UUID]
) -> set[UUID]:
    """Return those of the input images that a job or Midjourney task of their caller names.

    It reads all requests of the caller, once for all images.
    """
    sqlite = connection.dialect.name == "sqlite"
    by_name = {public_id("asset", asset_id): asset_id for asset_id in asset_ids}
    inputs = _inputs(sqlite=sqlite)
    query = select(inputs.c.value).select_from(jobs.join(inputs, true())).distinct()
    found = await connection.scalars(query.where(jobs.c.caller_id == caller_id, inputs.c.value.in_(by_name)))
    named = {by_name[name] for name in found}
    for asset_id in set(asset_ids) - named:
        if await connection.scalar(_task_that_names(caller_id, asset_id)) is not None:
            named.add(asset_id)
    return named


async def delete_unused(connection: AsyncConnection, asset_ids: Collection[UUID], before: datetime) -> int:
    """Delete those of the input images that were not uploaded again meanwhile; return how many."""
    unused = assets.c.id.in_(asset_ids), assets.c.unused_until < before
    return (await connection.execute(delete(assets).where(*unused))).rowcount


async def keep_for_ever(connection: AsyncConnection, asset_ids: Collection[UUID]) -> None:
    """Note that a job names input images: they stay as long as it does."""
    await connection.execute(update(assets).where(assets.c.id.in_(asset_ids)).values(unused_until=None))


def _inputs(*, sqlite: bool) -> TableValuedAlias:
    """Return the input images of a row of ``jobs``; none, where its request can't be read."""
    if sqlite:
        valid = case((func.json_valid(jobs.c.request) == 1, jobs.c.request))
        return func.json_each(valid, "$.images").table_valued("value")
    images = jobs.c.request["images"]
    listed = case((func.jsonb_typeof(images) == "array", images), else_=func.jsonb_build_array())
    return func.jsonb_array_elements_text(listed).table_valued("value")


def _task_that_names(caller_id: UUID, asset_id: UUID) -> Select[Any]:
    """Select a Midjourney task of a caller that shows an image, or asks for more with it."""
    tasks = midjourney_tasks.c
    public = public_id("asset", asset_id)
    texts = ((tasks.pictures, str(asset_id)), (tasks.request, str(asset_id)), (tasks.request, public))
    named: list[ColumnElement[bool]] = [cast(column, Text).contains(text) for column, text in texts]
    return (
        select(tasks.id).where(tasks.caller_id == caller_id, or_(tasks.asset_id == asset_id, *named)).limit(1)
    )
