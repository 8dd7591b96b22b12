"""Batch controller: moves batches on, in every API process; what one process has claimed, others leave.

It reads inputs and writes outputs, for both need what the endpoints of this API know. The lines themselves
run in workers, as items of campaigns. After ``kill -9`` another process does a step again: nothing that
others see is there before the step is finished.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any
from uuid import UUID

import orjson
import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import Caller
from api.campaigns.sheets.record import SheetError
from api.openai.batches.output import read_lines
from api.openai.batches.validation import FaultyInput, ValidInput, validate_batch
from api.openai.batches.webhooks import enqueue_batch_event
from api.openai.files.stored_files import (
    JSONL,
    delete_expired,
    delete_orphans,
    drop_objects,
    object_key,
    output_file,
    put_content,
)
from api.services import ApiServices
from models.api_keys import Role
from models.campaigns.item_state import ItemState
from models.campaigns.status import CANCELLABLE, CampaignStatus
from models.errors import Conflict, DatabaseAway, StorageError
from models.ids import new_id, public_id
from models.openai.batch_status import BatchStatus
from models.queries.campaigns import campaigns, rows
from models.queries.campaigns.campaigns import Campaign
from models.queries.campaigns.counts import count_items
from models.queries.openai import batches
from models.queries.openai.batch_lines import any_expired
from models.queries.openai.files import insert_files
from models.queue_status import WaitReason
from worker.cancellation import cancel_and_wait
from worker.database_retry import run_forever, wait_for_wake_up
from worker.metrics.campaign_metrics import campaign_ended

_PAUSE = 1.0  # seconds between rounds
_CLAIM, _RENEWED_AFTER = timedelta(seconds=20), 5.0
_SWEEP, _ORPHANS = (
    60.0,
    6 * 3600.0,
)  # seconds between deletions of expired files, and of objects without a row
MOST_LISTED = 100  #: errors that a batch shows; all are in a file
_TOKENS = ("input_tokens", "output_tokens", "total_tokens")
S = BatchStatus
_log = structlog.get_logger()


class BatchController:
    """Runs rounds on a timer, and at once when a request of this process has set ``batch_wake``."""

    def __init__(self, services: ApiServices) -> None:
        self._services, self._process = services, new_id()
        self._swept_at, self._orphans_at = 0.0, monotonic()

    async def run(self) -> None:
        """Run rounds until cancelled, also through database outages."""
        await run_forever(self.run_round, self._pause, name="batch controller")

    async def _pause(self) -> None:
        await wait_for_wake_up(self._services.batch_wake, _PAUSE)

    async def run_round(self) -> None:
        """Move each open batch on, and delete files that have expired."""
        services = self._services
        async with services.database.reading() as connection:
            found = await batches.list_open(connection)
        for batch in found:
            try:
                await self._advance(batch)
            except DatabaseAway:
                raise
            except Exception:  # noqa: BLE001 - one broken batch must not keep the others from going on
                _log.exception("a batch could not be moved on; it is tried again", batch=_id(batch))
        if monotonic() - self._swept_at > _SWEEP:
            self._swept_at = monotonic()
            await delete_expired(services)
        if monotonic() - self._orphans_at > _ORPHANS:
            self._orphans_at = monotonic()
            with suppress(StorageError):
                await delete_orphans(services)

    async def _advance(self, batch: Row[Any]) -> None:
        if batch.claim not in (None, self._process) and batch.claimed_until > self._services.clock():
            return
        match S(batch.status):
            case S.VALIDATING:
                await self._validate(batch)
            case S.IN_PROGRESS:
                await self._watch(batch)
            case S.FINALIZING | S.CANCELLING:
                if await self._has_stopped(batch):
                    await self._finish(batch)

    # Input.

    async def _validate(self, batch: Row[Any]) -> None:
        async with self._claimed(batch) as claimed:
            if not claimed:
                return
            caller = Caller(batch.caller_id, "", Role.USER)
            try:
                checked = await validate_batch(self._services, batch, caller)
            except Conflict as error:  # it was cancelled, or another process imports its lines
                _log.info("a batch is not validated now", batch=_id(batch), why=str(error))
                return
            if isinstance(checked, ValidInput):
                await self._begin(batch, checked)
            else:
                await self._fail(batch, checked)

    async def _begin(self, batch: Row[Any], checked: ValidInput) -> None:
        async with self._services.database.writing() as connection:
            changes = {"lines": checked.lines, "model": checked.model}
            at = self._services.clock()
            await batches.change_status(
                connection, batch, S.IN_PROGRESS, at=at, claim=self._process, changes=changes
            )

    async def _fail(self, batch: Row[Any], checked: FaultyInput) -> None:
        """Let a batch fail: nothing of its campaign stays, nor the files that would show its lines."""
        services, errors = self._services, checked.errors
        listed = await self._write_errors(batch, errors) if len(errors) > MOST_LISTED else None
        at = services.clock()
        changes = {
            "errors": [_error(each) for each in errors[:MOST_LISTED]],
            "error_count": len(errors),
            "error_list_id": listed[0] if listed else None,
        }
        async with services.database.writing() as connection:
            failed = await batches.change_status(
                connection, batch, S.FAILED, at=at, claim=self._process, changes=changes
            )
            if failed:
                await campaigns.delete_draft(connection, batch.campaign_id)
                if listed:
                    key, size = listed
                    name = f"{_id(batch)}_input_errors.jsonl"
                    await insert_files(connection, [output_file(batch.caller_id, key, name, size, at=at)])
                await enqueue_batch_event(connection, batch, S.FAILED, at)
        if not failed and listed:
            await drop_objects(services, [object_key(listed[0])])

    async def _write_errors(self, batch: Row[Any], errors: Sequence[SheetError]) -> tuple[UUID, int]:
        """Store the list of all errors; return the id of its file, and its size."""
        with TemporaryDirectory(prefix="darkroom-batch-") as folder:
            path = Path(folder) / "errors.jsonl"

            def write() -> int:
                with path.open("wb") as file:
                    for error in errors:
                        file.write(orjson.dumps(_error(error), option=orjson.OPT_APPEND_NEWLINE))
                    return file.tell()

            size = await asyncio.to_thread(write)
            return await put_content(self._services, path, content_type=JSONL), size

    # Lines under way.

    async def _watch(self, batch: Row[Any]) -> None:
        """Let a batch go on to its end once all lines have ended, or its window has."""
        services = self._services
        at = services.clock()
        late = at >= batch.expires_at
        if not late:
            async with services.database.reading() as connection:
                if await _any_running(connection, batch):
                    return
        async with services.database.writing() as connection:
            campaign = await campaigns.get(
                connection, batch.campaign_id, lock=True
            )  # nothing starts meanwhile
            running = await _any_running(connection, batch)
            if running and not late:
                return
            open_rows = await rows.any_unstarted(connection, batch.campaign_id)
            if (
                not late
                and campaign is not None
                and open_rows
                and campaign.status != CampaignStatus.CANCELLED
            ):
                return
            expired = late and (running or open_rows or await any_expired(connection, batch.campaign_id))
            if campaign is not None and (running or open_rows):
                await _stop(connection, campaign, at)
            ending = S.EXPIRED if expired else S.COMPLETED
            await batches.change_status(
                connection, batch, S.FINALIZING, at=at, changes={"ending": ending.value}
            )
        services.batch_wake.set()

    async def _has_stopped(self, batch: Row[Any]) -> bool:
        """Return whether nothing of a batch runs any more; its campaign is stopped if it has to be."""
        services = self._services
        async with services.database.reading() as connection:
            campaign = await campaigns.get(connection, batch.campaign_id)
            running = await _any_running(connection, batch)
        if campaign is None or batch.ending == S.COMPLETED:
            return True
        if campaign.status == CampaignStatus.DRAFT:
            async with services.database.writing() as connection:
                return await campaigns.delete_draft(connection, campaign.id)
        if CampaignStatus(campaign.status) in CANCELLABLE:
            async with services.database.writing() as connection:
                await _stop(connection, campaign, services.clock())
            services.notifier.notify()
            return False
        return not running

    # Output.

    async def _finish(self, batch: Row[Any]) -> None:
        async with self._claimed(batch) as claimed:
            if claimed:
                with TemporaryDirectory(prefix="darkroom-batch-") as folder:
                    await self._write_output(batch, Path(folder))

    async def _write_output(self, batch: Row[Any], folder: Path) -> None:
        services = self._services
        paths = {failed: folder / f"{failed}.jsonl" for failed in (False, True)}
        counts, tokens = {False: 0, True: 0}, dict.fromkeys(_TOKENS, 0)
        with paths[False].open("wb") as output, paths[True].open("wb") as errors:
            async for line in read_lines(services, batch, ended=True):
                (errors if line.failed else output).write(line.content)
                counts[line.failed] += 1
                for name in _TOKENS:
                    tokens[name] += (line.usage or {}).get(name, 0)
        stored = {
            failed: await put_content(services, path, content_type=JSONL)
            for failed, path in paths.items()
            if counts[failed]
        }
        at = services.clock()
        ending = S.CANCELLED if batch.status == S.CANCELLING else S(batch.ending)
        changes = {
            "counts": {"completed": counts[False], "failed": counts[True]},
            "usage": {
                **tokens,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens_details": {"reasoning_tokens": 0},
            },
            "output_file_id": stored.get(False),
            "error_file_id": stored.get(True),
        }
        after = batch.output_expires_after
        names = {False: f"{_id(batch)}_output.jsonl", True: f"{_id(batch)}_error.jsonl"}
        new = [
            output_file(
                batch.caller_id,
                key,
                names[failed],
                paths[failed].stat().st_size,
                at=at,
                expires_at=None if after is None else at + timedelta(seconds=after),
            )
            for failed, key in stored.items()
        ]
        async with services.database.writing() as connection:
            ended = await batches.change_status(
                connection, batch, ending, at=at, claim=self._process, changes=changes
            )
            if ended:
                await insert_files(connection, new)
                await enqueue_batch_event(connection, batch, ending, at)
        if not ended:
            await drop_objects(services, [each.key for each in new])
        services.notifier.notify()

    @asynccontextmanager
    async def _claimed(self, batch: Row[Any]) -> AsyncIterator[bool]:
        """Claim a batch while the context is open; ``False``: another process has it."""
        if not await self._claim(batch.id):
            yield False
            return
        renewing = asyncio.create_task(self._renew(batch.id), name="renew the claim of a batch")
        try:
            yield True
        finally:
            await cancel_and_wait(renewing)
            async with self._services.database.writing() as connection:
                await batches.release_batch(connection, batch.id, self._process)

    async def _renew(self, key: UUID) -> None:
        while True:
            await asyncio.sleep(_RENEWED_AFTER)
            with suppress(DatabaseAway):
                await self._claim(key)

    async def _claim(self, key: UUID) -> bool:
        at = self._services.clock()
        async with self._services.database.writing() as connection:
            return await batches.claim_batch(connection, key, self._process, until=at + _CLAIM, at=at)


async def _any_running(connection: AsyncConnection, batch: Row[Any]) -> bool:
    """Return whether a line waits or runs."""
    states = (await count_items(connection, [batch.campaign_id]))[batch.campaign_id]
    return bool(states.get(ItemState.WAITING) or states.get(ItemState.RUNNING))


async def _stop(connection: AsyncConnection, campaign: Campaign, at: Any) -> None:
    """Cancel a campaign: a worker cancels its queued jobs; calls under way end."""
    if CampaignStatus(campaign.status) in CANCELLABLE:
        changes = {"closed": WaitReason.CAMPAIGN_PAUSED.value, "finished_at": at}
        await campaigns.change_status(connection, campaign, CampaignStatus.CANCELLED, at=at, changes=changes)
        campaign_ended(connection, campaign, CampaignStatus.CANCELLED, at)


def _error(error: SheetError) -> dict[str, Any]:
    """Return an error of the input as OpenAI shows it."""
    return {
        "code": error.code,
        "message": error.message,
        "param": error.column,
        "line": error.line or None,
    }


def _id(batch: Row[Any]) -> str:
    return public_id("batch", batch.id)
