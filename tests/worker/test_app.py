"""An embedded worker runs jobs with the in-memory broker, one worker after another in a process."""

import asyncio
from pathlib import Path

from tests.support.darkroom import open_darkroom
from tests.support.databases import SqliteCopies
from tests.support.receiver import Receiver
from worker.app import EmbeddedWorker


async def test_each_embedded_worker_of_a_process_runs_the_jobs_of_its_own_database(
    sqlite_copies: SqliteCopies, tmp_path: Path
) -> None:
    receiver, practice = Receiver(), {"deliver": "markdown_data", "interval": 0}
    await receiver.start()
    for number in (1, 2):
        with sqlite_copies.fresh() as url:
            async with open_darkroom(url, tmp_path, practice=practice) as darkroom:
                await darkroom.submit(await darkroom.caller(), webhook_url=receiver.url)
                worker = EmbeddedWorker(darkroom.services.settings)
                await asyncio.to_thread(worker.start)
                await receiver.until(number, within=60)
                await asyncio.to_thread(worker.stop)
    await receiver.stop()
    assert receiver.types == ["job.succeeded"] * 2
