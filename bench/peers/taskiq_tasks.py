"""taskiq: a task per job, on an event loop."""

import asyncio
import sys

from taskiq_redis import ListQueueBroker

from bench.peers.asynchronous import run
from bench.peers.work import BROKER

broker = ListQueueBroker(url=BROKER)


@broker.task(task_name="job")
async def job(number: int) -> None:
    await run(number)


async def send(first: int, end: int) -> None:
    await broker.startup()
    for number in range(first, end):
        await job.kiq(number)
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(send(*map(int, sys.argv[1:])))
