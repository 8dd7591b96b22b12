"""One lock per key."""

import asyncio

from api.keyed_locks import KeyedLocks


async def test_the_same_key_is_held_once_at_a_time_and_others_meanwhile() -> None:
    locks, order = KeyedLocks(), list[str]()

    async def hold(key: str, name: str) -> None:
        async with locks.hold(key):
            order.append(f"{name} has it")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            order.append(f"{name} is done")

    await asyncio.gather(hold("a", "first"), hold("a", "second"), hold("b", "other"))
    assert order.index("first is done") < order.index("second has it")
    assert order.index("other has it") < order.index("first is done")
