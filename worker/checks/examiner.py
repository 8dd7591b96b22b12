"""Examiner: looks at each stored picture once, in processes beside the worker, and makes its thumbnails.

A picture is a success as soon as it is stored: whatever happens here neither delays nor loses it. It is
claimed for a while: after ``kill -9`` another worker examines it. The memory budget of calls is left alone,
so that none waits for an examination: memory is bounded by the number of processes, and the limit of each.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from models.errors import DatabaseAway, ImageError, NotFound
from models.operations.thumbnail_keys import CONTENT_TYPE, thumbnail_key
from models.queries.campaigns import picture_checks
from models.queries.campaigns.picture_checks import DuePicture
from worker.checks.expectations import ratio_differs, size_differs, wants_transparency
from worker.checks.rules import apply_rules
from worker.database_retry import run_forever
from worker.images.decode import DECODABLE
from worker.images.decode_process import DecodeProcess
from worker.images.limits import SMALL
from worker.images.pixel_findings import PixelFindings, examine_in_background
from worker.images.provenance.digital_source_type import provenance_of
from worker.images.thumbnails import Thumbnail
from worker.metrics.upkeep_metrics import examined
from worker.services import WorkerServices

CLAIM = timedelta(minutes=5)  #: after which another worker examines a picture
MOST_TRIES = 5  #: then it is given up: ``check_failed``
_BACKOFF = 15.0  # seconds, times the tries
_PAUSE = 1.0  # seconds between rounds
_AT_ONCE = 8  # pictures of one claim, which takes longer than a small picture
Findings = dict[str, Any]
"""Columns of ``assets`` with what was found."""
_log = structlog.get_logger()


class Examiner:
    """Runs rounds on a timer. ``freed`` is set when jobs were made, so that a dispatch round follows."""

    def __init__(self, services: WorkerServices, halt: asyncio.Event, freed: asyncio.Event) -> None:
        self._services, self._halt, self._freed = services, halt, freed
        self._processes = [DecodeProcess() for _ in range(services.settings.check_processes)]
        self._claimed: deque[DuePicture] = deque()  # and not begun

    async def run(self) -> None:
        """Run rounds until cancelled, also through database outages; then give back what is claimed."""
        try:
            await run_forever(self.run_round, self._pause, name="examiner of pictures")
        finally:
            with contextlib.suppress(DatabaseAway):  # the claims end by themselves
                await self.release()

    async def release(self) -> None:
        """Let other workers examine at once what this one has claimed and not begun."""
        if keys := [picture.id for picture in self._claimed]:
            self._claimed.clear()
            async with self._services.database.writing() as connection:
                await picture_checks.postpone(connection, keys, self._services.clock())

    async def _pause(self) -> None:
        await asyncio.sleep(_PAUSE)

    async def run_round(self) -> None:
        """Examine all pictures that are due, as many at once as there are processes."""
        async with self._services.database.reading() as connection:
            if not await picture_checks.any_due(connection, self._services.clock()):
                return
        ended = await asyncio.gather(*map(self._examine_due, self._processes), return_exceptions=True)
        for error in ended:
            if error is not None:
                raise error

    async def _examine_due(self, process: DecodeProcess) -> None:
        while not self._halt.is_set() and (picture := await self._next()) is not None:
            try:
                await self._write(picture, await self._examine(picture, process))
            except DatabaseAway:
                raise
            except Exception as error:  # noqa: BLE001 - one picture must not keep the others from their turn
                await self._try_later(picture, error)

    async def _next(self) -> DuePicture | None:
        if not self._claimed:
            self._claimed.extend(await self._claim())
        return self._claimed.popleft() if self._claimed else None

    async def _claim(self) -> Sequence[DuePicture]:
        at = self._services.clock()
        async with self._services.database.writing() as connection:
            return await picture_checks.claim_due(connection, at=at, until=at + CLAIM, limit=_AT_ONCE)

    async def _examine(self, picture: DuePicture, process: DecodeProcess) -> Findings:
        """Return what is found in a picture by itself. Raises ``StorageError``."""
        try:
            content = await self._services.store.get(picture.key)
        except NotFound:
            return {"check_problem": "asset_missing"}
        read = partial(provenance_of, memoryview(content), picture.content_type)
        provenance = read() if len(content) <= SMALL else await asyncio.to_thread(read)
        examined(c2pa=provenance.c2pa)
        found: Findings = {
            "wrong_size": size_differs(picture.request, picture.width, picture.height),
            "wrong_ratio": ratio_differs(picture.request, picture.width, picture.height),
            "c2pa": provenance.c2pa,
            "xmp": provenance.xmp,
        }
        if picture.content_type not in DECODABLE:
            return found
        try:
            seen = await process.run(examine_in_background, content)
        except ImageError as error:
            if error.retryable:
                raise
            return found | {"check_problem": error.code}
        return found | await self._of_pixels(picture, seen)

    async def _of_pixels(self, picture: DuePicture, seen: PixelFindings) -> Findings:
        return {
            "blank": seen.blank,
            "wrong_alpha": seen.opaque if wants_transparency(picture.request) else None,
            "dhash": seen.dhash,
            "thumbnails": await self._store(picture, seen.thumbnails),
        }

    async def _store(self, picture: DuePicture, thumbnails: Sequence[Thumbnail]) -> dict[str, list[int]]:
        """Store thumbnails; return width, height and bytes by side. Raises ``StorageError``."""
        for each in thumbnails:
            key = thumbnail_key(picture.key, each.side)
            await self._services.store.put(key, each.content, content_type=CONTENT_TYPE)
        return {str(each.side): [each.width, each.height, len(each.content)] for each in thumbnails}

    async def _write(self, picture: DuePicture, found: Findings) -> None:
        """Compare a picture with others, write what was found, and apply the rules of its campaign."""
        at, campaign_id = self._services.clock(), picture.campaign_id
        async with self._services.database.writing() as connection:
            if campaign_id is not None:
                await picture_checks.lock_comparisons(connection, campaign_id)
                found = found | await self._compare(connection, campaign_id, picture, found)
            written = await picture_checks.save_findings(connection, picture.id, found, at=at)
            if not written or campaign_id is None:
                return
            dhash = found.get("dhash")
            if dhash is not None and not found["blank"]:
                await picture_checks.insert_bands(connection, campaign_id, picture.id, dhash)
            made = await apply_rules(connection, picture, self._services.settings, at)
        if made:
            self._freed.set()

    async def _compare(
        self, connection: AsyncConnection, campaign_id: UUID, picture: DuePicture, found: Findings
    ) -> Findings:
        duplicate = await picture_checks.find_duplicate(connection, campaign_id, picture)
        near, dhash = None, found.get("dhash")
        if duplicate is None and dhash is not None and not found["blank"]:
            near = await picture_checks.find_near_duplicate(connection, campaign_id, dhash)
        return {"duplicate_of": duplicate, "near_duplicate_of": near}

    async def _try_later(self, picture: DuePicture, error: Exception) -> None:
        """Examine a picture again later; after several tries it is given up."""
        at = self._services.clock()
        _log.warning("a picture could not be examined", asset=str(picture.id), error=repr(error)[:300])
        async with self._services.database.writing() as connection:
            if picture.tries >= MOST_TRIES:
                await picture_checks.save_findings(
                    connection, picture.id, {"check_problem": "check_failed"}, at=at
                )
            else:
                later = at + timedelta(seconds=_BACKOFF * picture.tries)
                await picture_checks.postpone(connection, [picture.id], later)
