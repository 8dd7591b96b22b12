"""Exporter: builds exports one after the other, in every worker, and deletes the content of old ones.

A worker claims an export for a minute at a time. A build leaves nothing that others see before it is
finished: after ``kill -9`` the next worker begins anew, in objects of its own.
"""

import asyncio
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row

from models.campaigns.export_options import ExportOptions
from models.errors import SettingsError, StorageError
from models.ids import new_id, public_id
from models.queries.callers import names_of
from models.queries.campaigns import exports
from worker.database_retry import run_forever
from worker.exports.build import Built, Export, build_export, objects_of
from worker.exports.destination import Destination, folder_of, open_destination
from worker.services import WorkerServices

_PAUSE = 1.0  # seconds between two rounds
_CLAIM = timedelta(seconds=60)
_RENEWED_AFTER = timedelta(seconds=15)
_log = structlog.get_logger()


class ClaimLost(Exception):
    """Another worker has taken the export: this one's claim had ended."""


class Exporter:
    """Runs rounds on a timer."""

    def __init__(self, services: WorkerServices, halt: asyncio.Event) -> None:
        self._services, self._halt = services, halt

    async def run(self) -> None:
        """Run rounds until cancelled, also through database outages."""
        await run_forever(self.run_round, self._pause, name="exporter")

    async def _pause(self) -> None:
        await asyncio.sleep(_PAUSE)

    async def run_round(self) -> None:
        """Build the exports that wait, and delete the content of those that have expired."""
        while not self._halt.is_set() and await self._build_next():
            pass
        await self._delete_expired()

    async def _build_next(self) -> bool:
        services, build = self._services, new_id()
        at = services.clock()
        async with services.database.writing() as connection:
            row = await exports.claim_export(connection, build, at=at, until=at + _CLAIM)
        if row is None:
            return False
        if row.builds > exports.MOST_BUILDS:
            await self._fail(row, build, "Its workers ended before it was finished, several times.")
            return True
        try:
            built = await self._build(row, build)
        except ClaimLost:
            return True
        except (SettingsError, StorageError) as error:
            _log.warning("an export failed", export=public_id("export", row.id), error=str(error)[:300])
            await self._fail(row, build, str(error)[:1_000])
            return True
        await self._finish(row, build, built)
        return True

    async def _build(self, row: Row[Any], build: UUID) -> Built:
        services = self._services
        options = ExportOptions.from_json(row.options)
        export = Export(row.id, build, row.campaign_id, row.campaign, options, row.created_at)
        renewed = services.clock()

        async def renew() -> None:
            nonlocal renewed
            at = services.clock()
            if at - renewed < _RENEWED_AFTER:
                return
            async with services.database.writing() as connection:
                if not await exports.extend_claim(connection, row.id, build, at + _CLAIM):
                    raise ClaimLost
            renewed = at

        with TemporaryDirectory(dir=services.folder, prefix="export-") as folder:
            return await build_export(
                export,
                services.database,
                services.store,
                Path(folder),
                destination=await self._destination(row, options),
                renew=renew,
            )

    async def _destination(self, row: Row[Any], options: ExportOptions) -> Destination | None:
        if options.destination is None:
            return None
        async with self._services.database.reading() as connection:
            names = await names_of(connection, [row.caller_id])
        folder = folder_of(row.caller_id, names.get(row.caller_id, ""), options.destination.split("/"))
        return open_destination(self._services.settings, folder)

    async def _finish(self, row: Row[Any], build: UUID, built: Built) -> None:
        services = self._services
        at = services.clock()
        expires_at = at + timedelta(seconds=services.settings.export_age) if built.size is not None else None
        async with services.database.writing() as connection:
            finished = await exports.finish_export(
                connection,
                row.id,
                build,
                at=at,
                expires_at=expires_at,
                counts=asdict(built.counts),
                size=built.size,
            )
        if finished:
            await self._delete_objects(row.id, but=build if built.size is not None else None)

    async def _fail(self, row: Row[Any], build: UUID, error: str) -> None:
        async with self._services.database.writing() as connection:
            failed = await exports.fail_export(connection, row.id, build, error, at=self._services.clock())
        if failed:
            await self._delete_objects(row.id)

    async def _delete_expired(self) -> None:
        services = self._services
        async with services.database.reading() as connection:
            expired = await exports.list_expired(connection, services.clock())
        for key in expired:
            async with services.database.writing() as connection:
                await exports.expire_export(connection, key)
            await self._delete_objects(key)

    async def _delete_objects(self, key: UUID, but: UUID | None = None) -> None:
        """Delete the objects of an export, except those of one build."""
        store, prefix = self._services.store, objects_of(key)
        try:
            for file in await store.list_files(prefix, limit=1_000):
                if but is None or not file.key.startswith(f"{prefix}{but.hex}/"):
                    await store.delete(file.key)
        except StorageError as error:
            _log.warning("files of an export could not be deleted", error=str(error)[:300])
