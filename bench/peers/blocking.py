"""Work of a job in a thread, a process or a greenlet: ``requests``, and a pool of connections."""

from functools import cache
from threading import local

import requests
from psycopg_pool import ConnectionPool

from bench.peers.work import DATABASE, ENDED, HEADERS, URL, picture_of, request_body, store

_own = local()


@cache
def _pool(size: int) -> ConnectionPool:
    return ConnectionPool(DATABASE, min_size=1, max_size=size, kwargs={"autocommit": True}, open=True)


def run(number: int, *, connections: int = 10) -> None:
    """Do one job."""
    if not hasattr(_own, "session"):
        _own.session = requests.Session()
    answer = _own.session.post(
        f"{URL}/v1/chat/completions", json=request_body(number), headers=HEADERS, timeout=60
    )
    answer.raise_for_status()
    path = store(picture_of(answer.content))
    with _pool(connections).connection() as connection:
        connection.execute(ENDED, (path, number))
