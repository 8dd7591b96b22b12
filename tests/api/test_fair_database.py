"""Clients of an API process take turns at the database."""

import asyncio
from collections.abc import Hashable

from hypothesis import given
from hypothesis import strategies as st

from api.fair_database import FairDatabase, Turns, present_client


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Users:
    """Requests that hold a place until they are told to leave it, in the order in which they got one."""

    def __init__(self, places: int) -> None:
        self.turns = Turns(places)
        self.served: list[Hashable] = []
        self.inside = 0

    async def use(self, client: Hashable, leave: asyncio.Event) -> None:
        async with self.turns.turn(client):
            self.served.append(client)
            self.inside += 1
            try:
                await leave.wait()
            finally:
                self.inside -= 1


async def test_the_one_request_of_a_client_comes_before_the_hundred_of_another() -> None:
    users, leave = Users(1), asyncio.Event()
    tasks = [asyncio.create_task(users.use("many", leave)) for _ in range(100)]
    await settle()
    tasks.append(asyncio.create_task(users.use("one", leave)))
    await settle()
    leave.set()
    await asyncio.gather(*tasks)
    assert users.served.index("one") <= 2
    assert len(users.served) == 101


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans()), max_size=30), st.integers(1, 4)
)
def test_no_place_is_lost_or_given_twice_whoever_is_cancelled(
    requests: list[tuple[str, bool, bool]], places: int
) -> None:
    async def run() -> None:
        users = Users(places)
        tasks = []
        for client, leaves, cancelled in requests:
            leave = asyncio.Event()
            task = asyncio.create_task(users.use(client, leave))
            tasks.append((task, leave))
            await asyncio.sleep(0)
            if leaves:
                leave.set()
            if cancelled:
                task.cancel()
            assert users.inside <= places
        for _, leave in tasks:
            leave.set()
        await asyncio.gather(*(task for task, _ in tasks), return_exceptions=True)
        assert users.inside == 0
        last = [asyncio.create_task(users.use("d", asyncio.Event())) for _ in range(places)]
        await settle()
        assert users.inside == places
        for task in last:
            task.cancel()
        await asyncio.gather(*last, return_exceptions=True)

    asyncio.run(run())


async def test_a_flood_of_reads_of_one_client_leaves_a_turn_to_others(database_url: str) -> None:
    database, order = FairDatabase(database_url, pool=2), list[str]()

    async def read(client: str) -> None:
        present_client.set(client)
        async with database.reading():
            order.append(client)
            await asyncio.sleep(0)

    try:
        await asyncio.gather(*(read("many") for _ in range(50)), read("one"))
    finally:
        await database.close()
    assert order.index("one") < 10
    assert len(order) == 51


async def test_those_who_wait_for_their_turn_wait_for_the_pool(database_url: str) -> None:
    database = FairDatabase(database_url, pool=1)

    async def read() -> None:
        async with database.reading():
            pass

    async with database.reading():
        waiting = asyncio.create_task(read())
        await settle()
        assert (database.pool_use().used, database.pool_use().waiting) == (1, 1)
    await waiting
    assert database.pool_use().waiting == 0
    await database.close()
