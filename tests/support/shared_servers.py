"""PostgreSQL and Valkey servers shared by all processes of one test run.

``python -m tests.support.shared_servers SOCKET`` starts a server when a test process first asks for it over
the socket. It stops them all when its standard input is closed: when the test run ends, however it ends.
"""

import json
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.postgres import PostgresAddress, serve_postgres
from tests.support.valkey import ValkeyAddress, serve_valkey

_START: Mapping[str, Callable[[], AbstractContextManager[Any]]] = {
    "postgres": serve_postgres,
    "collated": partial(serve_postgres, collated=True),
    "valkey": serve_valkey,
}
_TIMEOUT = 90  #: seconds that a server may take to start on a busy machine


class SharedServers:
    """The process that owns the servers, as a child of the test run."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="darkroom-servers-")
        self.socket = Path(self._folder.name, "socket")
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, self.socket],
            stdin=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            start_new_session=True,  # Ctrl-C reaches the test run only, which then closes the standard input
        )

    def stop(self) -> None:
        """Stop the servers, and wait until they have ended."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()


def shared_postgres(path: str, server: str = "postgres") -> PostgresAddress:
    """Return a shared PostgreSQL server: ``postgres``, or ``collated``."""
    found = _request(path, server)
    return PostgresAddress(found["port"], found["pid"])


def shared_valkey(path: str, database: int) -> ValkeyAddress:
    """Return the shared Valkey server with a logical database number of this process's own."""
    return ValkeyAddress(_request(path, "valkey")["port"], database)


def _request(path: str, server: str) -> dict[str, int]:
    deadline = time.monotonic() + _TIMEOUT
    while True:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_TIMEOUT)
            try:
                connection.connect(path)
            except (FileNotFoundError, ConnectionRefusedError):  # the owner is just starting
                assert time.monotonic() < deadline, f"no shared {server} server within {_TIMEOUT} s"
                time.sleep(0.05)
                continue
            connection.sendall(server.encode())
            connection.shutdown(socket.SHUT_WR)
            answer = connection.makefile().read()
            assert answer, f"the shared {server} server did not start"
            return dict(json.loads(answer))


def main(path: str) -> None:
    """Answer test processes until standard input is closed."""
    running: dict[str, Any] = {}
    with ExitStack() as ending, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        while sys.stdin not in select.select([sys.stdin, listener], [], [])[0]:
            with listener.accept()[0] as connection:
                name = connection.makefile().read()
                if name not in running:
                    running[name] = ending.enter_context(_START[name]())
                server = running[name]
                connection.sendall(json.dumps({"port": server.port, "pid": server.process.pid}).encode())


if __name__ == "__main__":
    main(sys.argv[1])
