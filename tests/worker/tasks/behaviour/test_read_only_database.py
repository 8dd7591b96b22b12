"""A failover that leaves the database read-only for a while."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.errors import DatabaseAway
from models.ids import new_id
from models.queries.workers import write_heartbeat
from tests.support.darkroom import Darkroom, open_darkroom
from tests.support.databases import PostgresCopies
from worker.upstream.reply import Reply

JOBS = 10
PRACTICE = {"deliver": "markdown_data", "interval": 0}


class AnswersTogether:
    """An upstream client whose replies all return when the test lets them."""

    def __init__(self, client: Any) -> None:
        self._client, self._calls = client, 0
        self.all_paid, self.release = asyncio.Event(), asyncio.Event()

    async def call(self, *args: Any, **options: Any) -> Reply:
        reply: Reply = await self._client.call(*args, **options)
        self._calls += 1
        if self._calls == JOBS:
            self.all_paid.set()
        await self.release.wait()
        return reply


async def write_error(darkroom: Darkroom) -> str:
    """Return why the database takes no write now."""
    try:
        async with darkroom.services.database.writing() as connection:
            await write_heartbeat(connection, {"id": new_id()}, darkroom.clock())
    except DatabaseAway as error:
        return str(error)
    raise AssertionError("the database takes writes")


async def test_no_paid_answer_is_lost_while_the_database_is_read_only(
    postgres_copies: PostgresCopies, tmp_path: Path
) -> None:
    with postgres_copies.fresh() as url:
        async with open_darkroom(url, tmp_path, practice=PRACTICE) as darkroom:
            upstream: Any = AnswersTogether(darkroom.services.upstream)
            darkroom.services = replace(darkroom.services, upstream=upstream)
            worker, caller = await darkroom.worker(), await darkroom.caller()
            jobs = [await darkroom.submit(caller) for _ in range(JOBS)]
            await worker.dispatcher.run_round()
            calls = asyncio.create_task(worker.deliver())
            async with asyncio.timeout(60):
                await upstream.all_paid.wait()
                postgres_copies.set(url, "default_transaction_read_only", "on")
                upstream.release.set()
                while "read-only" not in await write_error(darkroom) or not worker.context.group_commit.busy:
                    assert not calls.done()
                # the connections of the read-only time stay open, as those to an old primary do
                postgres_copies.set(url, "default_transaction_read_only", "off", disconnect=False)
                await calls
            assert {(await darkroom.job(job)).status for job in jobs} == {"succeeded"}
            assert [len(await darkroom.assets(job)) for job in jobs] == [1] * JOBS
            assert [(await darkroom.attempts(job))[0].billed for job in jobs] == ["yes"] * JOBS
            assert len(darkroom.provider.call_log.calls) == JOBS
