"""Start items: rows of a campaign become items, each with a job as its newest take, once, in chunks.

Each chunk is one transaction, and notes in its rows how far they are started: after ``kill -9`` the next
worker goes on where the last commit ended, and the unique index of takes would refuse a second job.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.canary import sample_items
from models.campaigns.item_request import render_item
from models.campaigns.row import RowContent
from models.campaigns.spec import CampaignSpec
from models.campaigns.template import TemplateError
from models.campaigns.variants import Variants, variant_name
from models.ids import new_id
from models.queries.campaigns import items, rows
from models.queries.campaigns.campaigns import Campaign, add_rows
from models.queries.campaigns.rows import ImportedRow, StoredRow
from models.queries.jobs import NewJob, insert_jobs
from models.queries.transitions import lock_job
from models.settings import Settings
from models.states import JobStatus
from worker.lifecycle import cancel, commit
from worker.metrics import job_metrics

CHUNK = 500  #: items of one transaction
ONLY_ROW = "all"  #: key of the row of a campaign that has axes and no sheet
_REASONS = {True: "first", False: "edit"}


@dataclass(frozen=True, slots=True)
class ItemRequest:
    """An item to be started: a row in one variant."""

    row: StoredRow
    index: int  #: of its variant
    assignment: Mapping[str, str]
    canary: bool = False

    @property
    def name(self) -> tuple[str, str]:
        """Key and variant, which identify it in its campaign."""
        return self.row.key, variant_name(self.assignment)


async def insert_only_row(connection: AsyncConnection, campaign: Campaign, variants: Variants) -> None:
    """Insert the one row of a campaign that consists of axes alone."""
    content = RowContent({}, {})
    row = ImportedRow(ONLY_ROW, 0, content, content.content_hash)
    await rows.insert_rows(connection, campaign.id, [row], first_position=0)
    await add_rows(connection, campaign.id, rows=1, variants=0)


async def start_canary(
    connection: AsyncConnection,
    campaign: Campaign,
    spec: CampaignSpec,
    variants: Variants,
    settings: Settings,
    at: datetime,
) -> bool:
    """Start the next chunk of the canary's items; return whether it was the last one."""
    assert spec.canary is not None
    chosen = sample_items(campaign.row_count, len(variants), spec.canary.items)
    begun = await items.count_canary(connection, campaign.id)
    chunk = chosen[begun : begun + CHUNK]
    found = await rows.rows_at(connection, campaign.id, sorted({row for row, _ in chunk}))
    by_position = {row.position: row for row in found}
    wanted = [
        ItemRequest(by_position[row], index, variants.assignment(index), canary=True)
        for row, index in chunk
        if row in by_position
    ]
    started = await _start(connection, campaign, spec, variants, wanted, settings, at)
    return not started or begun + len(chunk) >= len(chosen)


async def start_rows(
    connection: AsyncConnection,
    campaign: Campaign,
    spec: CampaignSpec,
    variants: Variants,
    settings: Settings,
    at: datetime,
) -> int:
    """Start the next chunk of items of rows that are new or were changed; return how many these were."""
    count = max(CHUNK // len(variants), 1)
    unstarted = await rows.lock_unstarted(connection, campaign.id, limit=count)
    wanted, noted = list[ItemRequest](), list[dict[str, Any]]()
    for row in unstarted:
        end = min(row.started_variants + CHUNK, len(variants))
        wanted += [
            ItemRequest(row, index, variants.assignment(index)) for index in range(row.started_variants, end)
        ]
        complete = end == len(variants)
        noted.append(
            {
                "key": row.key,
                "started_version": row.version if complete else row.started_version,
                "started_variants": 0 if complete else end,
            }
        )
    await _start(connection, campaign, spec, variants, wanted, settings, at)
    await rows.note_started(connection, campaign.id, noted)
    return len(wanted)


async def _start(
    connection: AsyncConnection,
    campaign: Campaign,
    spec: CampaignSpec,
    variants: Variants,
    wanted: Sequence[ItemRequest],
    settings: Settings,
    at: datetime,
) -> int:
    """Insert items with their first jobs; an item of an older version of its row gets a further take.

    Returns how many were inserted or got a take.
    """
    started = 0
    existing = await items.find_items(connection, campaign.id, [each.name for each in wanted], lock=True)
    new_items, jobs = list[items.NewItem](), list[NewJob]()
    replaced: list[tuple[Row[Any], UUID | None, int, ItemRequest, str | None]] = []
    for each in wanted:
        known = existing.get(each.name)
        if known is not None and known.row_version >= each.row.version:
            continue  # the canary started it
        started += 1
        item_id, take = (known.id, known.takes + 1) if known else (new_id(), 1)
        job = _job(campaign, spec, each, item_id, take, known, settings, at)
        failed = job if isinstance(job, str) else None
        if not isinstance(job, str):
            jobs.append(job)
        if known is not None:
            replaced.append((known, None if isinstance(job, str) else job.id, take, each, failed))
        else:
            new_items.append(_item(campaign, variants, each, item_id, job, at))
    await items.insert_items(connection, new_items)
    await insert_jobs(connection, jobs, caller_id=campaign.caller_id, surface=campaign.surface, at=at)
    job_metrics.submitted(connection, jobs, "campaign")
    for known, job_id, take, each, failed in replaced:  # the state follows a job that is there
        await _replace(connection, known, job_id, take, each, failed, at)
    return started


def _item(
    campaign: Campaign,
    variants: Variants,
    each: ItemRequest,
    item_id: UUID,
    job: NewJob | str,
    at: datetime,
) -> items.NewItem:
    key, variant = each.name
    failed = isinstance(job, str)
    return items.NewItem(
        id=item_id,
        campaign_id=campaign.id,
        key=key,
        variant=variant,
        position=each.row.position * len(variants) + each.index,
        row_version=each.row.version,
        canary=each.canary,
        job_id=None if isinstance(job, str) else job.id,
        takes=0 if failed else 1,
        state="failed" if failed else "waiting",
        error=job if isinstance(job, str) else None,
        ended_at=at if failed else None,
    )


async def _replace(
    connection: AsyncConnection,
    known: Row[Any],
    job_id: UUID | None,
    take: int,
    each: ItemRequest,
    error: str | None,
    at: datetime,
) -> None:
    """Let a take of the changed row follow; one that still waits for the older row is cancelled."""
    await items.replace_take(
        connection,
        known.id,
        job_id=job_id,
        take=take if job_id else known.takes,
        row_version=each.row.version,
        error=error,
        at=at,
    )
    if known.job_id is None:
        return
    older = await lock_job(connection, known.job_id)
    if older is not None and older.status == JobStatus.QUEUED.value:
        await commit(connection, [cancel(older, at=at, why="cancelled: its row was changed")])


def _job(
    campaign: Campaign,
    spec: CampaignSpec,
    each: ItemRequest,
    item_id: UUID,
    take: int,
    known: Row[Any] | None,
    settings: Settings,
    at: datetime,
) -> NewJob | str:
    """Return the job of an item, or the code of what is wrong with its row."""
    try:
        item = render_item(spec, each.row.key, each.row.content, each.assignment)
    except TemplateError as error:
        return error.problems[0].code
    defaults = spec.defaults
    return NewJob(
        id=new_id(),
        model=item.model,
        prompt=item.prompt,
        request=item.request,
        priority=defaults.priority if item.priority is None else item.priority,
        max_attempts=defaults.max_attempts or settings.max_attempts,
        on_unknown=defaults.on_unknown or settings.on_unknown.value,
        not_before=at,
        campaign=campaign.name,
        metadata=item.metadata,
        expires_at=campaign.deadline,
        item_id=item_id,
        take=take,
        take_reason=_REASONS[known is None],
        parent_job_id=known.job_id if known else None,
    )
