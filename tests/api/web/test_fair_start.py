"""Requests of an API process begin in turn."""

import asyncio

from api.web.fair_start import FairStart


class Requests:
    """Requests that note when they begin."""

    def __init__(self, starts: int) -> None:
        self._turns = FairStart(starts)
        self.begun: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []

    def send(self, client: str, count: int = 1) -> list[asyncio.Task[None]]:
        sent = [asyncio.create_task(self._begin(client)) for _ in range(count)]
        self._tasks += sent
        return sent

    async def _begin(self, client: str) -> None:
        await self._turns.turn(client)
        self.begun.append(client)

    async def all(self) -> None:
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def test_the_first_requests_begin_at_once() -> None:
    requests = Requests(3)
    requests.send("a", 3)
    await asyncio.sleep(0)
    assert requests.begun == ["a"] * 3


async def test_few_begin_in_each_round_of_the_event_loop() -> None:
    requests = Requests(2)
    requests.send("a", 10)
    await asyncio.sleep(0)
    for _ in range(10):
        before = len(requests.begun)
        await asyncio.sleep(0)
        assert len(requests.begun) - before <= 2
    await requests.all()
    assert requests.begun == ["a"] * 10


async def test_the_one_request_of_a_client_comes_before_the_hundred_of_another() -> None:
    requests = Requests(1)
    requests.send("many", 100)
    await asyncio.sleep(0)
    requests.send("one")
    await requests.all()
    assert requests.begun.index("one") <= 4
    assert len(requests.begun) == 101


async def test_a_request_that_is_cancelled_takes_no_turn() -> None:
    requests = Requests(1)
    sent = requests.send("a", 5)
    await asyncio.sleep(0)
    for task in sent[1:4]:
        task.cancel()
    await requests.all()
    assert requests.begun == ["a"] * 2
