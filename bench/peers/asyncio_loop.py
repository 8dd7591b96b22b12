"""Loop without a queue or a database, as in OpenAI's cookbook: results are lines of a file."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from bench.peers import asynchronous
from bench.peers.work import FOLDER, numbers, wait_for_go

_WIDTH = 1_000


async def main(call: Callable[[int], Awaitable[str]]) -> None:
    """Do all jobs with this call, a thousand at once; then wait to be ended."""
    wait_for_go()
    remaining = numbers()
    with (FOLDER / "results.jsonl").open("a", buffering=1) as results:

        async def work() -> None:
            for number in remaining:
                results.write(json.dumps({"id": number, "path": await call(number)}) + "\n")

        await asyncio.gather(*(work() for _ in range(_WIDTH)))
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(asynchronous.call))
