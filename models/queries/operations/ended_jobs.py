"""Ended jobs in the order of their ids, for retention; and the deletion of what belongs to them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Row, and_, delete, exists, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.errors import NotFound
from models.ids import parse_id
from models.operations.erased_prompts import erased_request, erased_text, is_erased
from models.operations.retention import Retention, RetentionKind, Rules, read_rules
from models.operations.thumbnail_keys import thumbnail_key
from models.queries.operations.file_deletions import add_file_deletions
from models.queries.operations.tombstones import write_tombstones
from models.queries.selection.bulk_jobs import ERASED
from models.queries.selection.event_feed import hold_number, last_number
from models.queries.selection.job_filter import PARTS_ONLY
from models.queries.uploads import limit_unused
from models.states import FINAL
from models.tables import (
    assets,
    attempts,
    callers,
    campaigns,
    events,
    jobs,
    midjourney_parts,
    midjourney_tasks,
)

_FINAL = sorted(status.value for status in FINAL)
_RULES = (
    select(jobs.c.id, jobs.c.status, jobs.c.finished_at, jobs.c.keep)
    .add_columns(campaigns.c.retention.label("of_campaign"), callers.c.retention.label("of_caller"))
    .join(callers, callers.c.id == jobs.c.caller_id)
    .outerjoin(
        campaigns, and_(campaigns.c.caller_id == jobs.c.caller_id, campaigns.c.name == jobs.c.campaign)
    )
)
_ENDED = (jobs.c.status.in_(_FINAL), jobs.c.worker_id.is_(None))


@dataclass(frozen=True, slots=True)
class EndedJob:
    """An ended job, with the rules of its campaign and caller."""

    id: UUID
    ended_at: datetime
    campaign_rules: Rules
    caller_rules: Rules
    keep: bool


@dataclass(frozen=True, slots=True)
class Deleted:
    """What one transaction deleted."""

    jobs: int = 0
    pictures: int = 0
    answers: int = 0

    def __add__(self, other: "Deleted") -> "Deleted":
        """Add what another transaction deleted."""
        return Deleted(self.jobs + other.jobs, self.pictures + other.pictures, self.answers + other.answers)


async def any_rules(connection: AsyncConnection) -> list[Rules]:
    """Return the rules of callers and campaigns that have some."""
    own = [table.c.retention for table in (callers, campaigns)]
    found: list[Rules] = []
    for column in own:
        found += map(read_rules, await connection.scalars(select(column).where(column.is_not(None))))
    return [rules for rules in found if rules]


async def page_of_ended(
    connection: AsyncConnection, after: UUID | None, before: datetime, limit: int
) -> tuple[list[EndedJob], UUID | None]:
    """Return ended jobs among the next ``limit`` jobs by id, and where the next page begins.

    Ids grow with the time of the submit, so that the walk needs no index of its own. ``before``: of the end.
    """
    page = select(jobs.c.id).order_by(jobs.c.id).limit(limit)
    page = page if after is None else page.where(jobs.c.id > after)
    ids = (await connection.scalars(page.where(jobs.c.created_at < before))).all()
    if not ids:
        return [], None
    query = _RULES.where(jobs.c.id.in_(ids), *_ENDED, jobs.c.finished_at < before).order_by(jobs.c.id)
    found = [
        EndedJob(row.id, row.finished_at, *_rules(row))
        for row in await connection.execute(query)
        if isinstance(row.finished_at, datetime)
    ]
    return found, ids[-1] if len(ids) == limit else None


async def find_retention(
    connection: AsyncConnection, job_id: UUID, settings: Rules
) -> tuple[Retention, datetime | None] | None:
    """Return the rules in force for a job, and when it ended, if it has; ``None``: there is no such job."""
    row = (await connection.execute(_RULES.where(jobs.c.id == job_id))).first()
    if row is None:
        return None
    of_campaign, of_caller, keep = _rules(row)
    has_ended = row.status in _FINAL and isinstance(row.finished_at, datetime)
    return Retention(of_campaign, of_caller, settings, keep), row.finished_at if has_ended else None


async def set_keep(connection: AsyncConnection, job_id: UUID, keep: bool) -> bool | None:
    """Let retention delete nothing of a job, or again what is due; return what held before, ``None``: no job.

    The read of its events waits for the drop of a month that has begun, and a later drop waits for this
    transaction.
    """
    await connection.execute(select(events.c.seq).where(events.c.job_id == job_id).limit(1))
    row = (await connection.execute(select(jobs.c.keep).where(jobs.c.id == job_id).with_for_update())).first()
    if row is None:
        return None
    await connection.execute(update(jobs).where(jobs.c.id == job_id).values(keep=keep))
    return bool(row.keep)


def _rules(row: Row[Any]) -> tuple[Rules, Rules, bool]:
    return read_rules(row.of_campaign), read_rules(row.of_caller), bool(row.keep)


async def with_rows(
    connection: AsyncConnection, due: Mapping[UUID, frozenset[RetentionKind]]
) -> dict[UUID, frozenset[RetentionKind]]:
    """Leave out, of what is due of each job, the kinds of which nothing is left to delete."""
    rows: dict[RetentionKind, tuple[Column[Any], ColumnElement[bool]]] = {
        RetentionKind.EVENTS: (events.c.job_id, true()),
        RetentionKind.ATTEMPTS: (attempts.c.job_id, true()),
        RetentionKind.ANSWERS: (attempts.c.job_id, attempts.c.raw_key.is_not(None)),
        RetentionKind.PROMPTS: (jobs.c.id, and_(jobs.c.surface != PARTS_ONLY, ~ERASED)),
        RetentionKind.PICTURES: (assets.c.job_id, true()),
        RetentionKind.THUMBNAILS: (assets.c.job_id, assets.c.thumbnails.is_not(None)),
    }
    present: dict[RetentionKind, frozenset[UUID]] = {RetentionKind.JOBS: frozenset(due)}
    for kind, (column, condition) in rows.items():
        ids = [job_id for job_id, kinds in due.items() if kind in kinds and RetentionKind.JOBS not in kinds]
        query = select(column).where(column.in_(ids), condition).distinct()
        present[kind] = frozenset(await connection.scalars(query)) if ids else frozenset()
    return {
        job_id: frozenset(kind for kind in kinds if job_id in present[kind]) for job_id, kinds in due.items()
    }


async def ended_of_caller(
    connection: AsyncConnection, caller_id: UUID, before: datetime, after: UUID | None, limit: int
) -> Sequence[UUID]:
    """Return the next ended jobs of a caller that were submitted before a time, by id."""
    query = select(jobs.c.id).where(jobs.c.caller_id == caller_id, jobs.c.created_at < before, *_ENDED)
    query = query if after is None else query.where(jobs.c.id > after)
    return list(await connection.scalars(query.order_by(jobs.c.id).limit(limit)))


async def lock_ended(connection: AsyncConnection, job_ids: Collection[UUID]) -> Sequence[Row[Any]]:
    """Lock those of the jobs that have ended and that no worker has; others' locks are passed over."""
    here = jobs.c
    columns: tuple[Column[Any], ...] = (
        here.id,
        here.caller_id,
        here.model,
        here.prompt,
        here.request,
        here.error,
        here.keep,
    )
    query = select(*columns).where(jobs.c.id.in_(job_ids), *_ENDED).order_by(jobs.c.id)
    return (await connection.execute(query.with_for_update(skip_locked=True))).all()


async def delete_jobs(
    connection: AsyncConnection,
    rows: Sequence[Row[Any]],
    *,
    reason: str,
    at: datetime,
    inputs_until: datetime,
) -> Deleted:
    """Delete locked, ended jobs with all that belongs to them; leave tombstones, and their files to workers.

    Their input images may be deleted from ``inputs_until`` on, unless other jobs name them.
    """
    ids = [row.id for row in rows]
    if not ids:
        return Deleted()
    if inputs := {asset_id for row in rows for asset_id in input_ids(row.request)}:
        await limit_unused(connection, inputs, inputs_until)
    images = await _images(connection, ids)
    answers = await _answers(connection, ids)
    await write_tombstones(connection, rows, images, reason=reason, at=at)
    await add_file_deletions(connection, [*_file_keys(images), *answers], at)
    newest = await last_number(connection)
    await _delete_tasks(connection, ids, inputs_until)
    deleted = (await connection.execute(delete(jobs).where(jobs.c.id.in_(ids)))).rowcount
    await hold_number(connection, newest)
    return Deleted(deleted, len(images), len(answers))


async def delete_pictures(
    connection: AsyncConnection, job_ids: Sequence[UUID], *, reason: str, at: datetime
) -> Deleted:
    """Delete the images of locked jobs; the jobs stay."""
    images = await _images(connection, job_ids)
    await write_tombstones(connection, (), images, reason=reason, at=at)
    await add_file_deletions(connection, _file_keys(images), at)
    await connection.execute(delete(assets).where(assets.c.id.in_([row.id for row in images])))
    return Deleted(pictures=len(images))


async def delete_asset(connection: AsyncConnection, row: Row[Any], *, reason: str, at: datetime) -> None:
    """Delete one image."""
    await write_tombstones(connection, (), [row], reason=reason, at=at)
    await add_file_deletions(connection, _file_keys([row]), at)
    await connection.execute(delete(assets).where(assets.c.id == row.id))


async def delete_thumbnails(connection: AsyncConnection, job_ids: Sequence[UUID], at: datetime) -> None:
    """Delete the thumbnails of the images of jobs."""
    images = [row for row in await _images(connection, job_ids) if row.thumbnails]
    keys = set(_file_keys(images)) - {row.key for row in images}
    await add_file_deletions(connection, keys, at)
    await connection.execute(
        update(assets).where(assets.c.id.in_([row.id for row in images])).values(thumbnails=None)
    )


async def delete_answers(connection: AsyncConnection, job_ids: Sequence[UUID], at: datetime) -> Deleted:
    """Delete the archived raw responses of jobs."""
    answers = await _answers(connection, job_ids)
    await add_file_deletions(connection, answers, at)
    if answers:
        here = attempts.c
        archived = here.job_id.in_(job_ids), here.raw_key.is_not(None)
        await connection.execute(update(attempts).where(*archived).values(raw_key=None))
    return Deleted(answers=len(answers))


async def erase_prompts(
    connection: AsyncConnection, rows: Sequence[Row[Any]], *, at: datetime, inputs_until: datetime
) -> Deleted:
    """Erase the words of locked, ended jobs: what they asked for, and what came back, with raw responses.

    Hash and length of the prompts stay. Input images that no other job names may be deleted from
    ``inputs_until`` on.
    """
    ids = [row.id for row in rows]
    if inputs := {asset_id for row in rows for asset_id in input_ids(row.request)}:
        await limit_unused(connection, inputs, inputs_until)
    for row in rows:
        if is_erased(row.request):
            continue
        left = {
            "prompt": erased_text(row.prompt),
            "request": erased_request(row.prompt, row.request),
            "text": None,
            "error": _without_words(row.error),
        }
        await connection.execute(update(jobs).where(jobs.c.id == row.id).values(left))
    silent = {"provider_message": None, "answer_facts": None}
    await connection.execute(update(attempts).where(attempts.c.job_id.in_(ids)).values(silent))
    await connection.execute(update(events).where(events.c.job_id.in_(ids)).values(detail=None))
    return await delete_answers(connection, ids, at)


def _without_words(error: Any) -> Any:
    if not isinstance(error, Mapping):
        return error
    rest = {name: error[name] for name in ("code", "outcome") if name in error}
    return {**rest, "message": "The words of this error were erased."}


async def delete_attempts(connection: AsyncConnection, job_ids: Sequence[UUID], at: datetime) -> Deleted:
    """Delete the calls of jobs; what they cost stays in the totals of their caller and campaign."""
    deleted = await delete_answers(connection, job_ids, at)
    await connection.execute(delete(attempts).where(attempts.c.job_id.in_(job_ids)))
    return deleted


async def delete_events(connection: AsyncConnection, job_ids: Sequence[UUID]) -> None:
    """Delete the history of jobs."""
    newest = await last_number(connection)
    await connection.execute(delete(events).where(events.c.job_id.in_(job_ids)))
    await hold_number(connection, newest)


def input_ids(request: Any) -> Iterable[UUID]:
    """Yield the ids of the input images that a job's request names."""
    images = request.get("images") if isinstance(request, Mapping) else None
    for image in images if isinstance(images, list) else ():
        try:
            yield parse_id("asset", str(image))
        except NotFound:  # an address
            continue


async def _images(connection: AsyncConnection, job_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    here = assets.c
    columns: tuple[Column[Any], ...] = (
        *(here.id, here.caller_id, here.token, here.sha256, here.key, here.thumbnails),
    )
    return (await connection.execute(select(*columns).where(assets.c.job_id.in_(job_ids)))).all()


async def _answers(connection: AsyncConnection, job_ids: Sequence[UUID]) -> Sequence[str]:
    here = attempts.c
    query = select(here.raw_key).where(here.job_id.in_(job_ids), here.raw_key.is_not(None))
    return [key for key in await connection.scalars(query) if key]


def _file_keys(images: Sequence[Row[Any]]) -> list[str]:
    """Return the keys of images and of their thumbnails."""
    keys: list[str] = []
    for row in images:
        sides = row.thumbnails if isinstance(row.thumbnails, Mapping) else ()
        keys += [row.key, *(thumbnail_key(row.key, int(side)) for side in sides)]
    return keys


async def _delete_tasks(connection: AsyncConnection, job_ids: Sequence[UUID], until: datetime) -> None:
    """Delete ended Midjourney tasks that have a part among the jobs; their own images are unused then."""
    part = exists().where(
        midjourney_parts.c.task_id == midjourney_tasks.c.id, midjourney_parts.c.job_id.in_(job_ids)
    )
    here = midjourney_tasks.c
    gone = delete(midjourney_tasks).where(here.outcome.is_not(None), part).returning(here.asset_id)
    shown = [key for key in await connection.scalars(gone) if key is not None]
    if shown:
        unused = assets.c.id.in_(shown), assets.c.job_id.is_(None)
        await connection.execute(update(assets).where(*unused).values(unused_until=until))
