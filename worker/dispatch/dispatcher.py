"""The dispatcher: in one short transaction per channel, gives due jobs to this worker."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from models.ids import new_id
from models.queries.channels import change_channel, list_channels, lock_channel
from models.queries.lanes import Lane, list_lanes, pick_due
from models.queries.leases import any_unstored, calls_in_flight, let_go, take_unstored
from models.queries.moves import apply
from worker.broker import GENERATE, STORE
from worker.dispatch.gate import closed, interleave, lanes_for, openings, share
from worker.hand import Hand
from worker.lifecycle import leased, returned
from worker.tools import Tools

CHUNK = 50
_REST = 0.02  # seconds between rounds at least
_log = structlog.get_logger()
Publish = Callable[[str, Sequence[UUID], UUID], Awaitable[bool]]  # whether the broker took the message


class Dispatcher:
    """Looks for due jobs on a timer, when the doorbell rings, and when a slot becomes free."""

    def __init__(self, tools: Tools, hand: Hand, worker_id: UUID, publish: Publish) -> None:
        self._tools, self._hand, self._worker_id, self._publish = tools, hand, worker_id, publish
        self._heard = True  # whether the broker took the last message; if not, one job at a time tries it

    async def run(self) -> None:
        """Look again and again until cancelled; outages of the database are waited out."""
        while True:
            try:
                await self.look()
            except (SQLAlchemyError, OSError) as error:
                _log.error("the dispatcher can't reach the database; it tries again", error=str(error)[:300])
                await asyncio.sleep(0.5)
            await asyncio.sleep(_REST)
            try:
                async with asyncio.timeout(self._tools.settings.dispatch_interval):
                    await self._hand.freed.wait()
            except TimeoutError:
                pass
            self._hand.freed.clear()

    async def look(self) -> None:
        """Do one round over all channels."""
        if not self._hand.free:
            return
        now = self._tools.clock()
        async with self._tools.database.reading() as connection:
            lanes = await list_lanes(connection)
            channels = list(await list_channels(connection))
            unstored = await any_unstored(connection, now)
        self._hand.cooling = {
            c.name: c.cooldown_until for c in channels if c.cooldown_until and c.cooldown_until > now
        }
        if unstored:
            await self._take_unstored()
        random.shuffle(channels)
        for channel in channels:
            usable = channel.name in self._tools.routes and not closed(channel, now)
            wanted = lanes_for(channel, lanes, now) if usable else []
            if wanted and self._hand.free:
                await self._lease(channel, wanted)

    async def _lease(self, channel: Any, lanes: Sequence[Lane]) -> None:
        lease = new_id()
        job_ids = await self._lease_rows(channel.id, lanes, lease)
        self._hand.jobs.update(dict.fromkeys(job_ids))
        for start in range(0, len(job_ids), CHUNK):
            chunk = job_ids[start : start + CHUNK]
            self._heard = await self._publish(GENERATE, chunk, lease)
            if not self._heard:
                await self._take_back(chunk, lease)

    async def _lease_rows(self, channel_id: UUID, lanes: Sequence[Lane], lease: UUID) -> list[UUID]:
        async with self._tools.database.writing() as connection:
            channel = await lock_channel(connection, channel_id)
            now = self._tools.clock()
            if channel is None or closed(channel, now):
                return []
            in_flight = await calls_in_flight(connection, channel_id)
            allowed = openings(
                channel, in_flight=in_flight, slots=self._hand.free if self._heard else 1, now=now
            )
            shares = share(lanes, len(allowed.starts), channel.turn)
            if not shares:
                return []
            dealt = interleave(shares, await pick_due(connection, shares, now), len(allowed.starts))
            moves = [
                leased(
                    job_id, lease=lease, worker=self._worker_id, channel=channel_id, start_at=start, at=now
                )
                for (_, job_id), start in zip(dealt, allowed.starts, strict=False)
            ]
            given = await apply(connection, moves)
            if dealt:
                state = allowed.state_after(len(dealt), channel.next_start_at)
                await change_channel(connection, channel_id, {"next_start_at": state, "turn": dealt[-1][0]})
            return [move.job_id for move in moves if move.job_id in given]

    async def _take_back(self, job_ids: Sequence[UUID], lease: UUID) -> None:
        """Undo leases that nobody will hear of."""
        at, why = self._tools.clock(), "the broker took no message; nothing was sent"
        async with self._tools.database.writing() as connection:
            await apply(connection, [returned(job_id, lease, at=at, why=why) for job_id in job_ids])
        for job_id in job_ids:
            self._hand.jobs.pop(job_id, None)
        await asyncio.sleep(self._tools.settings.dispatch_interval)

    async def _take_unstored(self) -> None:
        lease = new_id()
        async with self._tools.database.writing() as connection:
            taken = await take_unstored(
                connection,
                worker_id=self._worker_id,
                lease=lease,
                at=self._tools.clock(),
                limit=self._hand.free if self._heard else 1,
            )
        self._hand.jobs.update(dict.fromkeys(taken))
        for start in range(0, len(taken), CHUNK):
            chunk = taken[start : start + CHUNK]
            self._heard = await self._publish(STORE, chunk, lease)
            if not self._heard:
                async with self._tools.database.writing() as connection:
                    await let_go(connection, chunk, self._worker_id)
                for job_id in chunk:
                    self._hand.jobs.pop(job_id, None)
