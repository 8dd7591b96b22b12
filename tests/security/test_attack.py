"""Long form of the attacks on the API, on a process of their own: memory and stalls (``--attack``)."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.api.service import ALICE, JOB
from tests.security.attacked_server import AttackedServer
from tests.security.json_bombs import BOMBS
from tests.support.attack_tests import FIGURES

pytestmark = [pytest.mark.attack, pytest.mark.slow(reason="each attack runs for seconds")]

LARGE = 60 * 2**20  #: bytes
KEY = {"Authorization": f"Bearer {ALICE}"}
WAITS = {"event streams": "/v1/jobs/{}/events", "long polls": "/v1/jobs/{}?wait=30"}

Record = Callable[[str, object], None]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AttackedServer]:
    """A running Darkroom."""
    started = AttackedServer(tmp_path)
    try:
        started.start()
        yield started
    finally:
        started.process.end()


@pytest.mark.parametrize("name", BOMBS)
def test_a_json_bomb_is_held(server: AttackedServer, name: str, record_property: Record) -> None:
    make, status = BOMBS[name]
    content = make(LARGE)
    with server.watched() as watch:
        answer = httpx.post(f"{server.url}/v1/jobs", content=content, headers=KEY, timeout=120)
    record_property(FIGURES, watch.line(f"60 MB of {name}", 1))
    assert answer.status_code == status
    assert watch.held


def test_many_large_bodies_at_once_are_held(server: AttackedServer, record_property: Record) -> None:
    content = BOMBS["one string"][0](LARGE)

    def send(_: int) -> int:
        return httpx.post(f"{server.url}/v1/jobs", content=content, headers=KEY, timeout=300).status_code

    with server.watched() as watch, ThreadPoolExecutor(12) as pool:
        statuses = set(pool.map(send, range(12)))
    record_property(FIGURES, watch.line("60 MB bodies at once", 12))
    assert statuses == {422}
    assert watch.held


@pytest.mark.parametrize("name", WAITS)
def test_many_waits_are_held(server: AttackedServer, name: str, record_property: Record) -> None:
    job = httpx.post(f"{server.url}/v1/jobs", json=JOB, headers=KEY).json()["id"]
    head = (
        f"GET {WAITS[name].format(job)} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ALICE}\r\n\r\n"
    )
    with server.watched() as watch:
        clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(800)]
        for client in clients:
            client.sendall(head.encode())
        time.sleep(5)
        for client in clients:
            client.close()
        time.sleep(2)
    record_property(FIGURES, watch.line(name, len(clients)))
    assert watch.held
    assert "destroyed" not in server.process.log.read_text(encoding="utf-8")
