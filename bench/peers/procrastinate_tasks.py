"""procrastinate: a task per job, on an event loop, its queue in PostgreSQL."""

import asyncio
import sys

from procrastinate import App, PsycopgConnector

from bench.peers.asynchronous import run
from bench.peers.work import DATABASE

app = App(connector=PsycopgConnector(conninfo=DATABASE, max_size=20))


@app.task(name="job", queue="default")
async def job(number: int) -> None:
    await run(number)


async def send(first: int, end: int) -> None:
    async with app.open_async():
        await job.batch_defer_async(*({"number": number} for number in range(first, end)))


if __name__ == "__main__":
    asyncio.run(send(*map(int, sys.argv[1:])))
