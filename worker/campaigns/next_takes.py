"""Next takes: the jobs that a retry or a re-roll makes of items, given the takes before them."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.item_request import variables_of
from models.campaigns.repair import SEED_LIMIT, Repair, TakeRequest
from models.campaigns.row import RowContent
from models.campaigns.status import CampaignStatus
from models.campaigns.template import TemplateError
from models.campaigns.variants import Variants
from models.ids import new_id
from models.operations.erased_prompts import is_erased
from models.queries.campaigns import campaigns, item_facts
from models.queries.campaigns.actions import FrozenItem
from models.queries.campaigns.campaigns import Campaign
from models.queries.campaigns.items import NewTake, add_takes
from models.queries.campaigns.rows import StoredRow, rows_of_keys
from models.queries.jobs import NewJob, insert_jobs
from worker.metrics import job_metrics

_NO_ROW = StoredRow("", 0, 1, 1, 0, RowContent({}, {}))


@dataclass(slots=True)
class MadeTakes:
    """What became of a chunk of items: how many got a take, and which did not, by reason."""

    done: int = 0
    left: list[tuple[str, UUID]] = field(default_factory=list)


async def make_takes(
    connection: AsyncConnection,
    campaign: Campaign,
    variants: Variants,
    repair: Repair,
    chunk: Sequence[FrozenItem],
    *,
    most_takes: int,
    at: datetime,
) -> MadeTakes:
    """Insert the next takes of items, each once; an item that got another take meanwhile is left."""
    made, jobs, takes = MadeTakes(), list[NewJob](), list[NewTake]()
    found = await item_facts.lock_items(connection, [each.item_id for each in chunk])
    before = await item_facts.takes_by_job(connection, [row.job_id for row in found.values() if row.job_id])
    rows = await rows_of_keys(connection, campaign.id, sorted({row.key for row in found.values()}))
    for each in chunk:
        item = found.get(each.item_id)
        if item is None or item.takes + 1 != each.take:
            made.left.append(("changed", each.item_id))
            continue
        if reason := repair.refusal(item_facts.facts_of(item, most_takes=most_takes)):
            made.left.append((reason, item.id))
            continue
        last = before.get(item.job_id)
        if last is None:
            made.left.append(("take_deleted", item.id))
            continue
        if is_erased(last.request):
            made.left.append(("prompt_erased", item.id))
            continue
        try:
            variables = variables_of_item(item, rows.get(item.key, _NO_ROW), variants)
            wanted = repair.next_take(request_of(last), variables, new_seed)
        except TemplateError:
            made.left.append(("prompt_error", item.id))
            continue
        job = _job(campaign, last, wanted, item.id, each.take, at)
        jobs.append(job)
        takes.append(NewTake(item.id, each.take, job.id))
    await insert_jobs(connection, jobs, caller_id=campaign.caller_id, surface=campaign.surface, at=at)
    job_metrics.submitted(connection, jobs, "campaign")
    await add_takes(connection, takes)
    made.done = len(takes)
    return made


async def reopen_finished(connection: AsyncConnection, campaign: Campaign, at: datetime) -> None:
    """Let a finished campaign run again: another worker may have finished it meanwhile."""
    if campaign.status == CampaignStatus.FINISHED:
        await campaigns.change_status(
            connection, campaign, CampaignStatus.RUNNING, at=at, changes={"finished_at": None}
        )


def new_seed() -> int:
    """Return a seed."""
    return random.randrange(SEED_LIMIT)


def request_of(take: Row[Any]) -> TakeRequest:
    """Return what a take asks for."""
    return TakeRequest(take.model, take.prompt, take.request, "")


def variables_of_item(item: Row[Any], row: StoredRow, variants: Variants) -> Mapping[str, str]:
    """Return the variables of a prompt: the columns of its row, its key and the axes of its variant."""
    axes = variants.assignment(item.position % len(variants)) if len(variants) else {}
    return variables_of(item.key, row.content, axes)


def _job(
    campaign: Campaign, last: Row[Any], wanted: TakeRequest, item_id: UUID, take: int, at: datetime
) -> NewJob:
    return NewJob(
        id=new_id(),
        model=wanted.model,
        prompt=wanted.prompt,
        request=wanted.request,
        priority=last.priority,
        max_attempts=last.max_attempts,
        on_unknown=last.on_unknown,
        not_before=at,
        campaign=campaign.name,
        tags=last.tags,
        metadata=last.job_metadata,
        webhook_url=last.webhook_url,
        expires_at=campaign.deadline,
        retry=last.retry,
        item_id=item_id,
        take=take,
        take_reason=wanted.reason,
        parent_job_id=last.take_job_id,
    )
