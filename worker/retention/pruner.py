"""Pruner: walks over the ended jobs, again and again, and deletes what its rules say, in small batches.

Ids grow with the time of the submit, so the walk goes by the primary key. Between two transactions it rests
several times as long as the last one took: calls, leases and submits go on beside it.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from models.errors import StorageError
from models.operations.retention import Retention, RetentionKind, Rules, rules_of
from models.queries.dashboard.audit import delete_entries
from models.queries.operations import ended_jobs
from models.queries.operations.ended_jobs import Deleted, any_rules, lock_ended, page_of_ended, with_rows
from models.queries.operations.tombstones import delete_tombstones
from models.queries.operations.whole_jobs import read_whole_jobs
from models.queries.workers import first_worker
from worker.database_retry import run_forever
from worker.retention.file_deleter import delete_due_files
from worker.retention.job_archive import TYPE, archive_key, pack
from worker.retention.month_pruner import Months, prune_months
from worker.services import WorkerServices

_PAGE = 1000  # jobs looked at in one query
_BATCH = 50  # jobs in one transaction
_RECORDS = 500  # entries or tombstones in one transaction
_SHARE = 4  # rests so many times as long as a transaction took
_LEAST_REST = 0.05  # seconds
_REST = 60.0  # seconds between two passes
_WALK = timedelta(minutes=10)  # between two walks over all ended jobs
_log = structlog.get_logger()


class RetentionPruner:
    """Deletes what is over its time; the worker that was started first does it."""

    def __init__(self, services: WorkerServices, worker_id: UUID) -> None:
        self._services, self._worker_id = services, worker_id
        self._settings_rules = rules_of(services.settings)
        self._next_walk = services.clock()

    async def run(self) -> None:
        """Prune until cancelled."""
        await run_forever(self.run_pass, self._pause, name="retention")

    async def _pause(self) -> None:
        await asyncio.sleep(_REST)

    async def run_pass(self) -> None:
        """Delete due files; walk over all ended jobs, if it is time and any rule limits something."""
        services = self._services
        async with services.database.reading() as connection:
            if await first_worker(connection) != self._worker_id:
                return
        if services.clock() >= self._next_walk:
            self._next_walk = services.clock() + _WALK
            deleted = await self.walk()
            if deleted != Deleted():
                _log.info(
                    "retention deleted what was over its time",
                    jobs=deleted.jobs,
                    images=deleted.pictures,
                    answers=deleted.answers,
                )
            await self._prune_records()
        try:
            await delete_due_files(services.database, services.store, services.clock())
        except StorageError as error:
            _log.warning("files could not be deleted; it is tried again", error=str(error)[:300])

    async def walk(self) -> Deleted:
        """Walk over all ended jobs once; return what was deleted."""
        async with self._services.database.reading() as connection:
            rules = [self._settings_rules, *await any_rules(connection)]
        months = await prune_months(self._services.database, self._settings_rules, self._services.clock())
        periods = [period for each in rules for period in each.values() if period is not None]
        deleted, after = Deleted(), None
        while periods:
            now = self._services.clock()
            async with self._services.database.reading() as connection:
                page, after = await page_of_ended(connection, after, now - min(periods), _PAGE)
                due = _due(page, self._settings_rules, months, now)
                due = await with_rows(connection, due)
            for kinds, ids in _by_kinds(due).items():
                for start in range(0, len(ids), _BATCH):
                    deleted += await self._prune(kinds, ids[start : start + _BATCH])
            if after is None:
                break
            await asyncio.sleep(_LEAST_REST)
        return deleted

    async def _prune_records(self) -> None:
        """Delete entries of the audit log and tombstones that are over their time, in small batches."""
        services, now = self._services, self._services.clock()
        if (seconds := services.settings.retention_audit) is not None:
            full = True
            while full:
                async with services.database.writing() as connection:
                    before = now - timedelta(seconds=seconds)
                    full = await delete_entries(connection, before=before, limit=_RECORDS) == _RECORDS
                await asyncio.sleep(_LEAST_REST)
        if (seconds := services.settings.retention_tombstones) is not None:
            after: UUID | None = None
            more = True
            while more:
                async with services.database.writing() as connection:
                    before = now - timedelta(seconds=seconds)
                    _, after = await delete_tombstones(connection, after, before=before, limit=_RECORDS)
                more = after is not None
                await asyncio.sleep(_LEAST_REST)

    async def _prune(self, kinds: frozenset[RetentionKind], job_ids: Sequence[UUID]) -> Deleted:
        """Delete these kinds of some jobs, in one transaction; then rest."""
        services = self._services
        if RetentionKind.JOBS in kinds and services.settings.retention_archive:
            try:
                await self._archive(job_ids)
            except StorageError as error:
                _log.warning("ended jobs could not be archived; they stay", error=str(error)[:300])
                return Deleted()
        begun = time.monotonic()
        async with services.database.writing() as connection:
            rows = [row for row in await lock_ended(connection, job_ids) if not row.keep]
            now = services.clock()
            if RetentionKind.JOBS in kinds:
                until = now + timedelta(seconds=services.settings.upload_age)
                deleted = await ended_jobs.delete_jobs(
                    connection, rows, reason="retention", at=now, inputs_until=until
                )
            else:
                ids = [row.id for row in rows]
                deleted = Deleted()
                if RetentionKind.PICTURES in kinds:
                    deleted += await ended_jobs.delete_pictures(connection, ids, reason="retention", at=now)
                elif RetentionKind.THUMBNAILS in kinds:
                    await ended_jobs.delete_thumbnails(connection, ids, now)
                if RetentionKind.PROMPTS in kinds:
                    until = now + timedelta(seconds=services.settings.upload_age)
                    deleted += await ended_jobs.erase_prompts(connection, rows, at=now, inputs_until=until)
                if RetentionKind.ATTEMPTS in kinds:
                    deleted += await ended_jobs.delete_attempts(connection, ids, now)
                elif RetentionKind.ANSWERS in kinds:
                    deleted += await ended_jobs.delete_answers(connection, ids, now)
                if RetentionKind.EVENTS in kinds:
                    await ended_jobs.delete_events(connection, ids)
        await asyncio.sleep(max(_LEAST_REST, _SHARE * (time.monotonic() - begun)))
        return deleted

    async def _archive(self, job_ids: Sequence[UUID]) -> None:
        async with self._services.database.reading() as connection:
            whole = await read_whole_jobs(connection, job_ids)
        if whole.jobs:
            content = await asyncio.to_thread(pack, whole.jobs, whole.attempts, whole.assets, whole.events)
            await self._services.store.put(archive_key(self._services.clock()), content, content_type=TYPE)


def _due(
    page: Sequence[ended_jobs.EndedJob], settings: Rules, months: Months, now: datetime
) -> dict[UUID, frozenset[RetentionKind]]:
    """Return what of each job is over its time, and not left to the drop of its month."""
    due: dict[UUID, frozenset[RetentionKind]] = {}
    for job in page:
        retention = Retention(job.campaign_rules, job.caller_rules, settings, job.keep)
        kinds = retention.due(job.ended_at, now)
        left = {kind for kind in kinds if retention.is_of_settings(kind) and months.wait(kind, job.id)}
        if RetentionKind.ATTEMPTS in left:
            kinds |= {RetentionKind.ANSWERS}
        due[job.id] = kinds if RetentionKind.JOBS in kinds else kinds - left
    return due


def _by_kinds(due: Mapping[UUID, frozenset[RetentionKind]]) -> dict[frozenset[RetentionKind], list[UUID]]:
    """Group jobs by what of them is to be deleted; those of which nothing is are left out."""
    found: defaultdict[frozenset[RetentionKind], list[UUID]] = defaultdict(list)
    for job_id, kinds in due.items():
        if kinds:
            found[kinds].append(job_id)
    return found
