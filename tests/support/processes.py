"""A process that a test starts, watches and ends by its own id."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.fork_server import ForkedProcess, Start, fork_server, forked_code

PATIENCE = 3


def free_port() -> int:
    """Return a free port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(reached: Callable[[], Any], *, within: float, what: str, every: float = 0.05) -> Any:
    """Poll until the result is true, and return it; fail with ``what`` after ``within`` seconds.

    A busy machine gets ``PATIENCE`` times as long: the span limits how long a failure takes, no more.
    """
    deadline = time.monotonic() + within * PATIENCE
    while not (answer := reached()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within * PATIENCE:g} s: {what}")
        time.sleep(every)
    return answer


class Process:
    """One command that can be restarted; its output goes to ``log``.

    ``forks``: it may start by a fork (``tests.support.fork_server``).
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        user: int | None = None,
        group: int | None = None,
        forks: bool = True,
    ) -> None:
        self.command, self.log = list(command), log
        self._environment, self._folder, self._forks = environment, folder, forks
        self._ids: dict[str, Any] = {} if user is None else {"user": user, "group": group}
        self._running: subprocess.Popen[bytes] | ForkedProcess | None = None

    @property
    def pid(self) -> int:
        """The id of the process that runs now."""
        assert self._running is not None, f"{self.command[0]} is not running"
        return self._running.pid

    @property
    def ended(self) -> int | None:
        """The exit code, or ``None`` while it runs."""
        assert self._running is not None, f"{self.command[0]} was not started"
        return self._running.poll()

    def start(self) -> None:
        """Start the command."""
        if self._forks and (code := forked_code(self.command, self._environment)) is not None:
            self._running = fork_server().start(self._forked(code))
            return
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=self._environment,
                cwd=self._folder,
                **(self._ids and {**self._ids, "extra_groups": []}),
            )

    def _forked(self, code: str) -> Start:
        environment = os.environ if self._environment is None else self._environment
        folder = Path.cwd() if self._folder is None else self._folder
        return Start(
            self.command, code, dict(environment), str(folder), str(self.log.absolute()), **self._ids
        )

    def wait_ready(self, answers: Callable[[], Any], *, within: float = 30) -> None:
        """Wait until it answers; fail with the end of its log if it ends before."""

        def answered() -> bool:
            if self.ended is not None:
                raise AssertionError(f"{self.command} ended with {self.ended}:\n{self.log_tail()}")
            return bool(answers())

        try:
            until(answered, within=within, what=f"{self.command} is ready")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_tail()}") from error

    def log_tail(self, characters: int = 4000) -> str:
        """Return the end of its log."""
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""

    def wait_finished(self, *, within: float = 60) -> None:
        """Wait until it ends by itself with exit code 0."""
        assert self.wait(within=within) == 0, self.log_tail()

    def wait(self, *, within: float = 60) -> int:
        """Wait until it ends by itself; returns the exit code."""
        until(lambda: self.ended is not None, within=within, what=f"{self.command} ends")
        assert self.ended is not None
        return self.ended

    def send(self, sign: signal.Signals) -> None:
        """Send a signal, if it runs."""
        if self._running is not None and self._running.poll() is None:
            self._running.send_signal(sign)

    def stop(self, sign: signal.Signals = signal.SIGTERM, *, within: float = 30) -> int:
        """Send a signal and wait for the end; returns the exit code. One that stays is killed."""
        assert self._running is not None, f"{self.command[0]} was not started"
        if self._running.poll() is None:
            self._running.send_signal(sign)
        try:
            return self._running.wait(within)
        except subprocess.TimeoutExpired:
            self._running.kill()
            self._running.wait()
            raise AssertionError(
                f"{self.command} outlived {sign.name} by {within:g} s:\n{self.log_tail()}"
            ) from None

    def kill(self) -> int:
        """End it as ``kill -9`` does."""
        return self.stop(signal.SIGKILL)

    def end(self, sign: signal.Signals = signal.SIGKILL) -> None:
        """End it if it runs; for the end of a test."""
        if self._running is not None and self._running.poll() is None:
            self.stop(sign)
