"""Runner of bulk actions on items: makes the further takes of the frozen items of each in chunks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.actions import FAILURES, SKIPPED, ActionStatus
from models.campaigns.repair import read_repair
from models.campaigns.spec import read_spec
from models.campaigns.status import CampaignStatus
from models.ids import public_id
from models.queries.campaigns import actions, campaigns
from models.queries.campaigns.actions import Action, FrozenItem
from models.queries.selection.skipped import read_skipped
from worker.bulk.chunked_actions import ChunkedActions
from worker.campaigns.next_takes import MadeTakes, make_takes, reopen_finished

CHUNK = 500  #: items of one transaction
_log = structlog.get_logger()


class ActionRunner(ChunkedActions):
    """Goes through bulk actions on items."""

    @property
    def chunk(self) -> int:
        """Items of one transaction."""
        return CHUNK

    async def list_unclaimed(self, connection: AsyncConnection, at: datetime) -> Sequence[UUID]:
        """Return the running actions that no worker goes through, the oldest first."""
        return await actions.list_unclaimed(connection, at)

    async def claim(
        self, connection: AsyncConnection, key: UUID, claim_id: UUID, *, until: datetime, at: datetime
    ) -> bool:
        """Claim a running action, or extend the claim; ``False`` while another worker has it."""
        return await actions.claim(connection, key, claim_id, until=until, at=at)

    async def release(self, connection: AsyncConnection, key: UUID, claim_id: UUID) -> None:
        """Release the claim of an action."""
        await actions.release(connection, key, claim_id)

    async def run_chunk(self, connection: AsyncConnection, key: UUID, size: int, at: datetime) -> bool:
        """Make the takes of the next items; return whether the action has ended."""
        settings = self._services.settings
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

    async def leave_unwritable(
        self, connection: AsyncConnection, key: UUID, error: Exception, at: datetime
    ) -> None:
        """Leave one item that no statement can change, so that the others go on."""
        _log.warning("an item got no further take", action=public_id("action", key), error=str(error)[:300])
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
