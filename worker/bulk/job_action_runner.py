"""Runner of bulk actions on jobs: retries, cancels or deletes the frozen jobs of each in chunks."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.actions import ActionStatus
from models.ids import public_id
from models.queries.selection import job_actions
from models.queries.selection.bulk_jobs import facts_of, lock_for_decision
from models.queries.selection.job_actions import FrozenJob, JobAction
from models.queries.selection.skipped import read_skipped
from worker.bulk.chunked_actions import ChunkedActions
from worker.bulk.job_changes import CHANGES, SKIPPED, ChangeContext

CHUNK = 200  #: jobs of one transaction
_FAILED = "unwritable"  # the reason that counts as failed
_log = structlog.get_logger()


class JobActionRunner(ChunkedActions):
    """Goes through bulk actions on jobs."""

    @property
    def chunk(self) -> int:
        """Jobs of one transaction."""
        return CHUNK

    async def list_unclaimed(self, connection: AsyncConnection, at: datetime) -> Sequence[UUID]:
        """Return the running actions that no worker goes through, the oldest first."""
        return await job_actions.list_unclaimed(connection, at)

    async def claim(
        self, connection: AsyncConnection, key: UUID, claim_id: UUID, *, until: datetime, at: datetime
    ) -> bool:
        """Claim a running action, or extend the claim; ``False`` while another worker has it."""
        return await job_actions.claim(connection, key, claim_id, until=until, at=at)

    async def release(self, connection: AsyncConnection, key: UUID, claim_id: UUID) -> None:
        """Release the claim of an action."""
        await job_actions.release(connection, key, claim_id)

    async def run_chunk(self, connection: AsyncConnection, key: UUID, size: int, at: datetime) -> bool:
        """Change the next jobs, and write the cursor; return whether the action has ended."""
        action = await job_actions.find_action(connection, key, lock=True)
        if action is None or action.status != ActionStatus.RUNNING:
            return True
        chunk = await job_actions.next_jobs(connection, action, limit=size)
        left = await self._change(connection, action, chunk, at)
        await _note(connection, action, chunk, left, at)
        return False

    async def leave_unwritable(
        self, connection: AsyncConnection, key: UUID, error: Exception, at: datetime
    ) -> None:
        """Leave one job that no statement can change, so that the others go on."""
        _log.warning("a job could not be changed", action=public_id("action", key), error=str(error)[:300])
        action = await job_actions.find_action(connection, key, lock=True)
        if action is not None and (chunk := await job_actions.next_jobs(connection, action, limit=1)):
            await _note(connection, action, chunk, [(_FAILED, chunk[0].job_id)], at)

    async def _change(
        self, connection: AsyncConnection, action: JobAction, chunk: Sequence[FrozenJob], at: datetime
    ) -> list[tuple[str, UUID]]:
        """Change jobs that are as they were when they were frozen; return the others with the reason."""
        change, settings = CHANGES[action.kind], self._services.settings
        rows = {row.id: row for row in await lock_for_decision(connection, [each.job_id for each in chunk])}
        left, allowed = list[tuple[str, UUID]](), []
        for each in chunk:
            row = rows.get(each.job_id)
            if row is None:
                left.append(("not_found", each.job_id))
            elif row.generation != each.generation:
                left.append(("changed", each.job_id))
            elif (reason := change.refusal(facts_of(row), action.may_pay_twice)) is not None:
                left.append((reason, each.job_id))
            else:
                allowed.append(row)
        context = ChangeContext(at, action.caller_id, timedelta(seconds=settings.upload_age))
        changed = await change.change(connection, allowed, context) if allowed else 0
        left += [("changed", row.id) for row in allowed[changed:]]
        return left


async def _note(
    connection: AsyncConnection,
    action: JobAction,
    chunk: Sequence[FrozenJob],
    left: Sequence[tuple[str, UUID]],
    at: datetime,
) -> None:
    """Write how far an action is, with what became of a chunk."""
    skipped, counts = read_skipped(action.skipped, SKIPPED), Counter(reason for reason, _ in left)
    for reason, job_id in left:
        skipped.add(reason, [public_id("job", job_id)])
    changes: dict[str, Any] = {
        "done": action.done + len(chunk) - len(left),
        "failed": action.failed + counts[_FAILED],
        "skipped": skipped.to_json(),
    }
    if chunk:
        changes["cursor"] = chunk[-1].position
    if not chunk or chunk[-1].position >= action.eligible:
        changes |= {"status": ActionStatus.FINISHED.value, "finished_at": at}
    await job_actions.change_action(connection, action.id, at=at, changes=changes)
