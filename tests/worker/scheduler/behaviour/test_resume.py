"""The dispatcher goes on, whatever one of its rounds meets."""

import asyncio
from pathlib import Path

from sqlalchemy import update
from structlog.testing import capture_logs

from models.tables import channels
from tests.support.darkroom import open_darkroom


async def test_a_row_that_no_version_can_read_stops_rounds_only_while_it_is_there(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as darkroom:
        worker = await darkroom.worker()
        await darkroom.submit(await darkroom.caller())
        async with darkroom.services.database.writing() as connection:
            await connection.execute(update(channels).values(learned={"rate": "odd"}))
        looking = asyncio.create_task(worker.dispatcher.run())
        async with asyncio.timeout(20):
            with capture_logs() as logs:
                while not any("round of the dispatcher failed" in each["event"] for each in logs):  # noqa: ASYNC110 - see above
                    await asyncio.sleep(0.01)
        assert worker.messages == []
        async with darkroom.services.database.writing() as connection:
            await connection.execute(update(channels).values(learned=None))
        async with asyncio.timeout(20):
            while not worker.messages:  # noqa: ASYNC110 - the dispatcher tells nobody that it has looked
                await asyncio.sleep(0.01)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
