"""A real RabbitMQ of Debian's package, in a folder and on ports of its own."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.deploy_tests import required
from tests.support.processes import Process, free_port, until

_PROGRAMS = "/usr/lib/rabbitmq/bin"


class RabbitMq:
    """A server that can be stopped and started again; it keeps its queues."""

    def __init__(self, folder: Path) -> None:
        self.port, self._folder = free_port(), folder
        port = str(free_port())  # else the server starts a port mapper as a daemon, which outlives it
        self.port_mapper = Process([required("epmd"), "-port", port], folder / "epmd.log")
        node = f"darkroom{secrets.token_hex(4)}@localhost"
        self._environment = {
            **os.environ,
            "HOME": str(folder),
            "RABBITMQ_NODENAME": node,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2",
            "ERL_EPMD_PORT": port,
        }
        program = required(f"{_PROGRAMS}/rabbitmq-server")
        self.process = Process([program], folder / "log", environment=self._environment, folder=folder)

    def url(self, vhost: str = "/") -> str:
        """Return its address as ``DARKROOM_BROKER_URL`` takes it."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/{vhost}"

    def control(self, *arguments: str) -> str:
        """Run ``rabbitmqctl``."""
        command = [f"{_PROGRAMS}/rabbitmqctl", *arguments]
        done = subprocess.run(
            command, env=self._environment, cwd=self._folder, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self) -> None:
        """Start and wait until it answers."""
        self.process.start()
        until(self._answers, within=90, what="RabbitMQ answers", every=0.5)

    def stop(self) -> None:
        """End it as a crash does."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        until(lambda: self.process.ended is not None, within=30, what="RabbitMQ ends")

    def _answers(self) -> bool:
        assert self.process.ended is None, self.process.log_tail()
        with suppress(AssertionError, subprocess.TimeoutExpired):
            self.control("await_startup", "--timeout", "20")
            return True
        return False


@contextmanager
def serve_rabbitmq() -> Iterator[RabbitMq]:
    """Run a fresh server until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="darkroom-rabbitmq-"))
    server = RabbitMq(folder)
    try:
        server.port_mapper.start()
        server.start()
        yield server
    finally:
        server.stop()
        server.port_mapper.end()
        shutil.rmtree(folder, ignore_errors=True)
