"""Controller: moves planned campaigns on, in every worker; a campaign that another one has locked is left.

What can be read is decided without a lock, so that a campaign that has nothing to do costs reads only.
"""

import asyncio
from datetime import datetime
from time import monotonic
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.item_state import OPEN, ItemState
from models.campaigns.spec import CampaignSpec, read_spec
from models.campaigns.status import CampaignStatus, PauseReason
from models.campaigns.variants import Variants
from models.errors import DatabaseAway
from models.queries.campaigns import campaigns, items, rows
from models.queries.campaigns.actions import any_running
from models.queries.campaigns.campaigns import Campaign
from models.queries.campaigns.counts import compact_counts, count_items, list_uncompacted
from models.queries.campaigns.picture_checks import any_unexamined
from models.queries.campaigns.vision_checks import any_undecided
from models.queue_status import WaitReason
from worker.campaigns.pauses import pause_changes, resumed_status
from worker.campaigns.start_items import insert_only_row, start_canary, start_rows
from worker.database_retry import run_forever
from worker.lifecycle import cancel_queued
from worker.metrics.campaign_metrics import campaign_ended
from worker.money.merge import merge_spend
from worker.services import WorkerServices

_PAUSE = 1.0  # seconds between rounds
_MERGE_INTERVAL = 10.0  # seconds between two looks at the totals of spend
_SECONDS = 5.0  # of one round for the items of one campaign; then the others have their turn
_CANCELS = 500  # jobs that one transaction cancels
S = CampaignStatus
_log = structlog.get_logger()


class CampaignController:
    """Runs rounds on a timer. ``freed`` is set when jobs were made, so that a dispatch round follows."""

    def __init__(self, services: WorkerServices, halt: asyncio.Event, freed: asyncio.Event) -> None:
        self._services, self._halt, self._freed = services, halt, freed
        self._merged_at = 0.0  # monotonic time

    async def run(self) -> None:
        """Run rounds until cancelled, also through database outages."""
        await run_forever(self.run_round, self._pause, name="campaign controller")

    async def _pause(self) -> None:
        await asyncio.sleep(_PAUSE)

    async def run_round(self) -> None:
        """Move each active campaign on, and merge counts."""
        async with self._services.database.reading() as connection:
            active = await campaigns.list_active(connection)
            uncompacted = await list_uncompacted(connection)
        for key in active:
            if self._halt.is_set():
                return
            try:
                await self._advance(key)
            except DatabaseAway:
                raise
            except Exception:  # noqa: BLE001 - one broken campaign must not keep the others from going on
                _log.exception("a campaign could not be moved on; it is tried again", campaign=str(key))
        for key in uncompacted:
            async with self._services.database.writing() as connection:
                await compact_counts(connection, key)
        if monotonic() - self._merged_at > _MERGE_INTERVAL:
            self._merged_at = monotonic()
            await merge_spend(self._services.database)

    async def _advance(self, key: UUID) -> None:
        """Take steps of one campaign until there is none, or its time is up."""
        began = monotonic()
        while monotonic() - began < _SECONDS and not self._halt.is_set():
            at = self._services.clock()
            async with self._services.database.reading() as connection:
                campaign = await campaigns.get(connection, key)
                if campaign is None or not await self._is_due(connection, campaign, at):
                    return
            async with self._services.database.writing() as connection:
                locked = await campaigns.lock_free(connection, key)
                again = locked is not None and await self._step(connection, locked, at)
            self._freed.set()
            if not again:
                return

    async def _is_due(self, connection: AsyncConnection, campaign: Campaign, at: datetime) -> bool:
        """Return whether there may be a step to take, from reads alone."""
        match S(campaign.status):
            case S.CHECKING:
                return True
            case S.CANCELLED:
                counts = (await count_items(connection, [campaign.id]))[campaign.id]
                return bool(counts.get(ItemState.WAITING)) or not counts.get(ItemState.RUNNING)
            case S.PAUSED:
                return campaign.paused_until is not None and campaign.paused_until <= at
            case S.CANARY:
                running = await items.any_open(connection, campaign.id, canary=True)
                return (
                    not running
                    or await self._opening_ends(campaign, at)
                    or await self._fails(connection, campaign)
                )
            case S.RUNNING:
                return (
                    await self._opening_ends(campaign, at)
                    or await rows.any_unstarted(connection, campaign.id)
                    or await self._fails(connection, campaign)
                    or await _has_ended(connection, campaign, at)
                )
        return False

    async def _opening_ends(self, campaign: Campaign, at: datetime) -> bool:
        begun = campaign.opens_at is not None and campaign.opens_at <= at and campaign.closes_at is None
        return begun or (campaign.closes_at is not None and campaign.closes_at <= at)

    async def _fails(self, connection: AsyncConnection, campaign: Campaign) -> bool:
        return await _failing_words(connection, campaign, _spec(campaign)) is not None

    async def _step(self, connection: AsyncConnection, campaign: Campaign, at: datetime) -> bool:
        """Take one step of a locked campaign; return whether another may follow at once."""
        match S(campaign.status):
            case S.CANCELLED:
                return await self._cancel(connection, campaign, at)
            case S.PAUSED:
                return await _resume_timed(connection, campaign, at)
            case S.CHECKING:
                return await self._check(connection, campaign, at)
            case S.CANARY | S.RUNNING:
                if await self._opening_ends(campaign, at):
                    await _reopen(connection, campaign, at)
                if words := await _failing_words(connection, campaign, _spec(campaign)):
                    return await _pause_failing(connection, campaign, words, at)
                if campaign.status == S.CANARY:
                    return await _end_canary(connection, campaign, at)
                return await self._run(connection, campaign, at)
        return False

    async def _check(self, connection: AsyncConnection, campaign: Campaign, at: datetime) -> bool:
        spec, variants = _spec(campaign), self._variants(campaign)
        if campaign.row_count == 0:
            await insert_only_row(connection, campaign, variants)
            return True
        if spec.canary is None:
            return await campaigns.change_status(connection, campaign, S.RUNNING, at=at)
        settings = self._services.settings
        if await start_canary(connection, campaign, spec, variants, settings, at):
            await campaigns.change_status(connection, campaign, S.CANARY, at=at)
            return False
        return True

    async def _run(self, connection: AsyncConnection, campaign: Campaign, at: datetime) -> bool:
        settings = self._services.settings
        started = await start_rows(
            connection, campaign, _spec(campaign), self._variants(campaign), settings, at
        )
        if started:
            return True
        if await _has_ended(connection, campaign, at):
            changes = {"finished_at": at}
            if await campaigns.change_status(connection, campaign, S.FINISHED, at=at, changes=changes):
                campaign_ended(connection, campaign, S.FINISHED, at)
        return False

    async def _cancel(self, connection: AsyncConnection, campaign: Campaign, at: datetime) -> bool:
        """Cancel a chunk of the queued jobs; calls under way finish, and count."""
        queued = await campaigns.lock_queued_jobs(
            connection, campaign.caller_id, campaign.name, limit=_CANCELS
        )
        await cancel_queued(connection, queued, at=at, why="cancelled with its campaign")
        counts = (await count_items(connection, [campaign.id]))[campaign.id]
        if not queued and not (counts.get(ItemState.WAITING) or counts.get(ItemState.RUNNING)):
            await campaigns.change(connection, campaign.id, at=at, changes={"closed": None})
        return len(queued) == _CANCELS

    def _variants(self, campaign: Campaign) -> Variants:
        return _spec(campaign).variants(self._services.settings.campaign_combinations)


def _spec(campaign: Campaign) -> CampaignSpec:
    return read_spec(campaign.spec or {})


async def _has_ended(connection: AsyncConnection, campaign: Campaign, at: datetime) -> bool:
    """Return whether all items have ended, and none is to come; an import that was killed is not awaited."""
    importing = campaign.import_until is not None and campaign.import_until > at
    if importing or await rows.any_unstarted(connection, campaign.id):
        return False
    if await any_running(connection, campaign.id) or await _checks_pictures(connection, campaign):
        return False
    counts = (await count_items(connection, [campaign.id]))[campaign.id]
    return not any(counts.get(state) for state in OPEN)


async def _checks_pictures(connection: AsyncConnection, campaign: Campaign) -> bool:
    """Return whether pictures are still checked that its rules may judge, or have made again."""
    spec = _spec(campaign)
    if not spec.checks.rerolling and spec.vision is None:
        return False
    return await any_unexamined(connection, campaign.id) or await any_undecided(connection, campaign.id)


async def _failing_words(connection: AsyncConnection, campaign: Campaign, spec: CampaignSpec) -> str | None:
    """Return what most of the last items failed for, in words; ``None``: they do not."""
    rule = spec.failing
    if not rule.enabled:
        return None
    counts = await items.count_last_errors(
        connection, campaign.id, since=campaign.failing_since, limit=rule.of_last
    )
    worst = max((code for code in counts if code), key=lambda code: counts[code], default=None)
    if worst is None or sum(counts.values()) < rule.of_last or counts[worst] <= rule.share * rule.of_last:
        return None
    return f"{counts[worst]} of the last {rule.of_last} items failed: {worst}"


async def _pause_failing(connection: AsyncConnection, campaign: Campaign, words: str, at: datetime) -> bool:
    changes = pause_changes(campaign, PauseReason.FAILING, at=at, by=None, detail=words)
    await campaigns.change_status(connection, campaign, S.PAUSED, at=at, changes=changes)
    _log.warning("a campaign pauses: most of its last items failed", campaign=campaign.name, why=words)
    return False


async def _resume_timed(connection: AsyncConnection, campaign: Campaign, at: datetime) -> bool:
    if campaign.paused_until is None or campaign.paused_until > at:
        return False
    status, changes = resumed_status(campaign)
    return await campaigns.change_status(
        connection, campaign, status, at=at, changes={**changes, "failing_since": at}
    )


async def _reopen(connection: AsyncConnection, campaign: Campaign, at: datetime) -> None:
    """Write the opening that holds or comes next, by the windows and the start time."""
    opening = _spec(campaign).opening(at)
    changes = {
        "opens_at": opening.opens_at if opening else None,
        "closes_at": opening.closes_at if opening else None,
    }
    await campaigns.change(connection, campaign.id, at=at, changes=changes)


async def _end_canary(connection: AsyncConnection, campaign: Campaign, at: datetime) -> bool:
    if await items.any_open(connection, campaign.id, canary=True):
        return False
    if await _checks_pictures(connection, campaign):
        return False
    canary = _spec(campaign).canary
    if canary is not None and canary.then == "approve":
        closed = {"closed": WaitReason.CAMPAIGN_CANARY.value}
        await campaigns.change_status(connection, campaign, S.AWAITING_APPROVAL, at=at, changes=closed)
        return False
    made = await items.count_canary_made(connection, campaign.id)
    if made == 0:
        return await _pause_failing(connection, campaign, "no item of the canary has a picture", at)
    return await campaigns.change_status(connection, campaign, S.RUNNING, at=at)
