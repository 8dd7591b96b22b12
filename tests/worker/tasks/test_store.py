"""Storing stage: a worker that is cut off after a paid answer must not cause a second payment."""

import asyncio
from pathlib import Path

from sqlalchemy import select

from models.tables import channels
from tests.support.darkroom import open_darkroom
from tests.support.databases import PostgresCopies

_BODY = b'{"choices":[{"finish_reason":"stop","message":{"content":"![p](https://example.com/p.png)"}}]}'
_HEAD = (
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
    f"Content-Length: {len(_BODY)}\r\n"
    "x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 20s\r\n\r\n"
).encode()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(_HEAD + _BODY)
    await writer.drain()
    writer.close()


async def test_a_worker_cut_off_while_it_updates_the_channel_of_a_paid_answer_has_saved_the_answer(
    postgres_copies: PostgresCopies, tmp_path: Path
) -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    with postgres_copies.fresh() as url:
        async with open_darkroom(url, tmp_path, practice={}, upstream_base_url=address) as darkroom:
            worker = await darkroom.worker()
            job_id = await darkroom.submit(await darkroom.caller(), on_unknown="retry")
            await worker.dispatcher.run_round()
            async with darkroom.services.database.writing() as connection:
                await connection.execute(select(channels.c.id).with_for_update())
                working = asyncio.create_task(worker.deliver())
                async with asyncio.timeout(10):
                    while not worker.context.in_flight.closed.cooling:  # noqa: ASYNC110 - set right before the row is locked
                        await asyncio.sleep(0.01)
                for task in list(worker.context.in_flight.jobs.values()):
                    assert task is not None
                    task.cancel()
                await working
            job = await darkroom.job(job_id)
    server.close()
    assert (job.status, job.answer["pieces"][0]["url"]) == ("storing", "https://example.com/p.png")
