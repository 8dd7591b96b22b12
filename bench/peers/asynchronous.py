"""Work of a job on an event loop: ``aiohttp``, and a pool of connections."""

import aiohttp
from psycopg_pool import AsyncConnectionPool

from bench.peers.work import DATABASE, ENDED, HEADERS, URL, picture_of, request_body, store

_open: dict[str, object] = {}


def _session() -> aiohttp.ClientSession:
    if "session" not in _open:
        _open["session"] = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
    return _open["session"]  # type: ignore[return-value]


async def _pool() -> AsyncConnectionPool:
    if "pool" not in _open:
        pool = _open["pool"] = AsyncConnectionPool(
            DATABASE, max_size=10, kwargs={"autocommit": True}, open=False
        )
        await pool.open()
    return _open["pool"]  # type: ignore[return-value]


async def call(number: int) -> str:
    """Make the call of one job and store its picture; return the path."""
    url = f"{URL}/v1/chat/completions"
    async with _session().post(url, json=request_body(number), headers=HEADERS) as answer:
        answer.raise_for_status()
        return store(picture_of(await answer.read()))


async def run(number: int) -> None:
    """Do one job."""
    path = await call(number)
    async with (await _pool()).connection() as connection:
        await connection.execute(ENDED, (path, number))
