"""The dispatcher keeps running after a failed round."""

import asyncio
from pathlib import Path

from sqlalchemy import update
from structlog.testing import capture_logs

from models.tables import channels
from tests.support.darkroom import open_darkroom

FAILED = "a round failed; the loop tries again"


async def test_an_unreadable_channel_row_stops_rounds_only_while_it_is_there(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as darkroom:
        worker = await darkroom.worker()
        await darkroom.submit(await darkroom.caller())
        async with darkroom.services.database.writing() as connection:
            await connection.execute(update(channels).values(learned={"rate": "odd"}))
        running = asyncio.create_task(worker.dispatcher.run())
        async with asyncio.timeout(20):
            with capture_logs() as logs:
                while not any(each["event"] == FAILED and each["loop"] == "dispatcher" for each in logs):  # noqa: ASYNC110 - the log is the only sign
                    await asyncio.sleep(0.01)
        assert worker.messages == []
        async with darkroom.services.database.writing() as connection:
            await connection.execute(update(channels).values(learned=None))
        async with asyncio.timeout(20):
            while not worker.messages:  # noqa: ASYNC110 - a round sets no event
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
