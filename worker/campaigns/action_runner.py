"""Action runner: goes through the frozen items of bulk actions in chunks, each one transaction.

Any worker claims an action for a while, and extends the claim with each chunk. The cursor of the action is
written with the takes of a chunk: after ``kill -9`` the next worker goes on where the last commit ended.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.actions import FAILURES, SKIPPED, ActionStatus
from models.campaigns.repair import read_repair
from models.campaigns.spec import read_spec
from models.campaigns.status import CampaignStatus
from models.errors import DatabaseAway
from models.ids import new_id, public_id
from models.queries.campaigns import actions, campaigns
from models.queries.campaigns.actions import Action, FrozenItem
from models.queries.selection.skipped import read_skipped
from worker.campaigns.next_takes import MadeTakes, make_takes, reopen_finished
from worker.database_retry import run_forever
from worker.services import WorkerServices

CHUNK = 500  #: items of one transaction
CLAIM = timedelta(seconds=10)  #: after which another worker goes on
_PAUSE = 1.0  # seconds between rounds
_log = structlog.get_logger()


class ActionRunner:
    """Runs rounds on a timer. ``freed`` is set when jobs were made, so that a dispatch round follows."""

    def __init__(self, services: WorkerServices, halt: asyncio.Event, freed: asyncio.Event) -> None:
        self._services, self._halt, self._freed = services, halt, freed
        self._claim_id = new_id()

    async def run(self) -> None:
        """Run rounds until cancelled, also through database outages."""
        await run_forever(self.run_round, self._pause, name="action runner")

    async def _pause(self) -> None:
        await asyncio.sleep(_PAUSE)

    async def run_round(self) -> None:
        """Go through each running action that no other worker has claimed."""
        async with self._services.database.reading() as connection:
            unclaimed = await actions.list_unclaimed(connection, self._services.clock())
        for key in unclaimed:
            try:
                await self._go_through(key)
            except DatabaseAway:
                raise
            except Exception:  # noqa: BLE001 - one broken action must not keep the others from going on
                _log.exception("a bulk action could not go on; it is tried again", action=str(key))

    async def _go_through(self, key: UUID) -> None:
        alone = 0  # items that still are to be done one by one: something in their chunk can't be written
        while not self._halt.is_set() and await self._claim(key):
            try:
                if await self._run_chunk(key, 1 if alone else CHUNK):
                    return
                alone = max(alone - 1, 0)
            except (
                SQLAlchemyError,
                ValueError,
                TypeError,
            ) as error:  # of a row that can't be read or written
                if alone:
                    await self._leave_unwritable(key, error)
                else:
                    alone = CHUNK
            self._freed.set()
        async with self._services.database.writing() as connection:
            await actions.release(connection, key, self._claim_id)

    async def _claim(self, key: UUID) -> bool:
        at = self._services.clock()
        async with self._services.database.writing() as connection:
            return await actions.claim(connection, key, self._claim_id, until=at + CLAIM, at=at)

    async def _run_chunk(self, key: UUID, size: int) -> bool:
        """Make the takes of the next items; return whether the action has ended."""
        at, settings = self._services.clock(), self._services.settings
        async with self._services.database.writing() as connection:
            action = await actions.find_action(connection, key, lock=True)
            if action is None or action.status != ActionStatus.RUNNING:
                return True
            campaign = await campaigns.get(connection, action.campaign_id, lock=True)
            if campaign is None or campaign.status == CampaignStatus.CANCELLED:
                await _end(connection, action, ActionStatus.ABORTED, at, "its campaign was cancelled")
                return True
            chunk = await actions.next_items(connection, action, limit=size)
            if not chunk:
                await _end(connection, action, ActionStatus.FINISHED, at)
                return True
            await reopen_finished(connection, campaign, at)
            made = await make_takes(
                connection,
                campaign,
                read_spec(campaign.spec or {}).variants(settings.campaign_combinations),
                read_repair(action.kind, action.parameters),
                chunk,
                most_takes=settings.campaign_takes,
                at=at,
            )
            await _note(connection, action, chunk, made, at)
        return False

    async def _leave_unwritable(self, key: UUID, error: Exception) -> None:
        """Leave one item that no statement can change, so that the others go on."""
        _log.warning("an item got no further take", action=public_id("action", key), error=str(error)[:300])
        at = self._services.clock()
        async with self._services.database.writing() as connection:
            action = await actions.find_action(connection, key, lock=True)
            if action is not None and (chunk := await actions.next_items(connection, action, limit=1)):
                made = MadeTakes(left=[("unwritable", chunk[0].item_id)])
                await _note(connection, action, chunk, made, at)


async def _note(
    connection: AsyncConnection, action: Action, chunk: list[FrozenItem], made: MadeTakes, at: datetime
) -> None:
    """Write how far an action is, with what became of a chunk."""
    skipped = read_skipped(action.skipped, SKIPPED)
    for reason, item_id in made.left:
        skipped.add(reason, [public_id("item", item_id)])
    changes: dict[str, Any] = {
        "cursor": chunk[-1].position,
        "done": action.done + made.done,
        "failed": action.failed + sum(reason in FAILURES for reason, _ in made.left),
        "skipped": skipped.to_json(),
    }
    if chunk[-1].position >= action.frozen:
        changes |= {"status": ActionStatus.FINISHED.value, "finished_at": at}
    await actions.change_action(connection, action.id, at=at, changes=changes)


async def _end(
    connection: AsyncConnection, action: Action, status: ActionStatus, at: datetime, detail: str | None = None
) -> None:
    changes = {"status": status.value, "finished_at": at, "detail": detail}
    await actions.change_action(connection, action.id, at=at, changes=changes)
