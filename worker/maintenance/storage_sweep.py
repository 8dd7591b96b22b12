"""Storage sweep: a timer that deletes unused uploads and old orphans, and reports assets without a file."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog

from models.errors import StorageError
from models.queries.workers import first_worker
from worker.database_retry import run_forever
from worker.maintenance.orphans import SHARDS, check_assets, claim, deletable_before, delete_orphans
from worker.maintenance.unused_uploads import delete_unused_uploads
from worker.metrics.upkeep_metrics import Repair, repaired
from worker.services import WorkerServices
from worker.storage.object_store import StoredFile

_PAUSE = 60.0  # seconds between two passes
_FILES = 500  # listed in one pass
_LISTINGS = 16  # requests for them
_ASSETS = 100  # looked up in one pass
_log = structlog.get_logger()


class StorageSweep:
    """Goes through all files and all assets, again and again; one worker of a fleet does it."""

    def __init__(self, services: WorkerServices, worker_id: UUID) -> None:
        self._services, self._worker_id = services, worker_id
        self._shard, self._after = random.randrange(len(SHARDS)), ""
        self._last_asset: UUID | None = None

    async def run(self) -> None:
        """Sweep until cancelled."""
        await run_forever(self.run_pass, self._pause, name="storage sweep")

    async def _pause(self) -> None:
        await asyncio.sleep(_PAUSE)

    async def run_pass(self) -> None:
        """Sweep the next files and the next assets, if this is the worker that was started first."""
        services = self._services
        async with services.database.reading() as connection:
            if await first_worker(connection) != self._worker_id:
                return
        if deleted := await delete_unused_uploads(services.database, services.clock()):
            _log.info("deleted uploaded images that no job names", images=deleted)
        try:
            await self._sweep_files()
            await self._sweep_assets()
        except StorageError as error:
            _log.warning(
                "the storage could not be checked; it is checked again later", error=str(error)[:300]
            )

    async def _sweep_files(self) -> None:
        services = self._services
        ownership = await claim(services.database, services.store)
        age = timedelta(seconds=services.settings.orphan_age)
        before = deletable_before(ownership, age, services.clock())
        if ownership.others:
            _log.warning("other databases use this storage; no file is deleted", markers=ownership.others)
        if before is None:
            return
        files = await self._next_files()
        deleted = await delete_orphans(services.database, services.store, files, ownership, before)
        if deleted:
            repaired(Repair.ORPHAN_ASSET, len(deleted))
            _log.info("deleted stored files that no job names", files=len(deleted), first=deleted[0].key)

    async def _next_files(self) -> Sequence[StoredFile]:
        files: list[StoredFile] = []
        for _ in range(_LISTINGS):
            limit = _FILES - len(files)
            page = await self._services.store.list_files(SHARDS[self._shard], after=self._after, limit=limit)
            files += page
            if len(page) == limit:
                self._after = page[-1].key
                break
            self._shard, self._after = (self._shard + 1) % len(SHARDS), ""
        return files

    async def _sweep_assets(self) -> None:
        services = self._services
        found = await check_assets(
            services.database, services.store, self._last_asset, limit=_ASSETS, at=services.clock()
        )
        self._last_asset = found.last
        if lost := [row for row in found.missing if row.missing_at is None]:
            _log.error("images have no file in the storage", images=len(lost), first=lost[0].key)
