"""Starts Darkroom's commands by forks of a process that has imported them: a tenth of the time of a start.

Each command is a process of its own, with its own session, folder, environment, output and signals, and it
ends as any other. What starts otherwise (options of Python, wrappers, other environments) is left to
``subprocess``; so is what has to run before Darkroom is imported.
"""

import atexit
import gc
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path

from tests.support.authority import trust_only_authority

_ROOT = Path(__file__).parent.parent.parent
_LARGEST = 1 << 20  # bytes of a message
_PACKAGES = ("api", "worker", "models")
_LATE = (  # what a command imports only once it runs
    "aiosqlite",
    "celery.app.amqp",
    "celery.apps.worker",
    "celery.concurrency.thread",
    "celery.worker.consumer",
    "cyclopts.help",
    "encodings.idna",
    "httpcore",
    "kombu.transport.redis",
    "rich.markdown",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
)


@dataclass(frozen=True, slots=True)
class Start:
    """What a process starts with."""

    command: Sequence[str]
    code: str  #: the program that the fork runs
    environment: Mapping[str, str]
    folder: str
    log: str  #: its output is appended
    user: int | None = None
    group: int | None = None


@dataclass(slots=True)
class ForkedProcess:
    """A process that the server has forked, with the methods of ``subprocess.Popen`` that tests use."""

    server: "ForkServer"
    args: Sequence[str]
    pid: int
    returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal; ``None`` while it runs."""
        if self.returncode is None:
            self.returncode = self.server.exit_code(self.pid, wait=0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code. Raises ``subprocess.TimeoutExpired``."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if deadline is not None and time.monotonic() >= deadline:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            left = 1.0 if deadline is None else max(deadline - time.monotonic(), 0)
            self.returncode = self.server.exit_code(self.pid, wait=min(left, 1.0))
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, sign: int) -> None:
        """Send a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, sign)

    def kill(self) -> None:
        """End it as ``kill -9`` does."""
        self.send_signal(signal.SIGKILL)


@dataclass(slots=True)
class ForkServer:
    """The process that forks, and the exit codes of what it forked."""

    socket: socket.socket
    process: subprocess.Popen[bytes]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ended: dict[int, int] = field(default_factory=dict)

    def start(self, start: Start) -> ForkedProcess:
        """Start a command."""
        with self._lock:
            self.socket.send(json.dumps(asdict(start)).encode())
            while (pid := self._receive(None)) is None:
                pass
        return ForkedProcess(self, start.command, pid)

    def exit_code(self, pid: int, *, wait: float) -> int | None:
        """Return the exit code of a process, or ``None`` if it still runs after so many seconds."""
        with self._lock:
            if pid not in self._ended:
                self._receive(wait)
            while pid not in self._ended and select.select([self.socket], [], [], 0)[0]:
                self._receive(0)
            return self._ended.get(pid)

    def _receive(self, wait: float | None) -> int | None:
        """Take one message: return the id of a process that has started, or note one that has ended."""
        if not select.select([self.socket], [], [], wait)[0]:
            return None
        message = self.socket.recv(_LARGEST)
        if not message:
            raise AssertionError("the process that forks has ended")
        pid, code = json.loads(message)
        if code is None:
            return int(pid)
        self._ended[pid] = code
        return None


@cache
def fork_server() -> ForkServer:
    """Return the fork server of this process; it ends with it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LARGEST)
    command = [sys.executable, "-m", "tests.support.fork_server", str(theirs.fileno())]
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    process = subprocess.Popen(
        command, cwd=_ROOT, pass_fds=[theirs.fileno()], start_new_session=True, **options
    )
    theirs.close()
    return ForkServer(ours, process)


def forked_code(command: Sequence[str], environment: Mapping[str, str] | None) -> str | None:
    """Return the program that a fork runs for a command, or ``None`` if the command must start by itself.

    A fork can run this environment's ``darkroom``, and code or a module in this interpreter.
    """
    new = os.environ if environment is None else environment
    changed = {name for name in {*new, *os.environ} if new.get(name) != os.environ.get(name)}
    changed -= {"PYTHONPATH"} if new.get("PYTHONPATH") == str(_ROOT) else set()
    if any(name.startswith(("PYTHON", "LD_", "MALLOC_", "COVERAGE")) for name in changed):
        return None
    match list(command):
        case [str(program), *_] if Path(program) == Path(sys.executable).parent / "darkroom":
            return "from api.cli.app import main; main()"
        case [sys.executable, "-c", str(code), *_]:
            return code
        case [sys.executable, "-m", str(module), *_]:
            return f"import runpy; runpy.run_module({module!r}, run_name='__main__')"
    return None


def _serve(connection: socket.socket) -> Start | None:
    """Fork for each request. Returns in each child with its start, and at the server's end with ``None``."""
    woken, wakes = socket.socketpair()
    for end in (woken, wakes):
        end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    while True:
        readable, _, _ = select.select([connection, woken], [], [])
        if woken in readable:
            woken.recv(4096)
            _report_ended(connection)
        if connection in readable:
            request = connection.recv(_LARGEST)
            if not request:
                return None
            start = Start(**json.loads(request))
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for each in (connection, woken, wakes):
                    each.close()
                return start
            connection.send(json.dumps([pid, None]).encode())


def _report_ended(connection: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        connection.send(json.dumps([pid, os.waitstatus_to_exitcode(status)]).encode())


def _become(start: Start) -> None:
    """Turn the forked process into one that was started by itself."""
    os.setsid()
    log = os.open(start.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    os.close(log)
    if start.group is not None and start.user is not None:
        os.setgroups([])
        os.setgid(start.group)
        os.setuid(start.user)
    os.chdir(start.folder)
    os.environ.clear()
    os.environ.update(start.environment)
    time.tzset()
    words = list(start.command)
    sys.argv = words[2:] if words[0] == sys.executable else words


def _import_all() -> None:
    """Import all that a command may import, and leave it out of the garbage collection of the children."""
    gc.disable()
    for package in _PACKAGES:
        for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
            if not module.name.endswith("__main__"):
                import_module(module.name)
    for name in _LATE:
        import_module(name)
    gc.enable()
    gc.collect()
    gc.freeze()


def _end_at_once(code: list[int]) -> None:
    """End a command whose threads have ended and whose exit functions have run.

    To take its interpreter down would copy the memory that it shares with the server: half of its time.
    """
    if code:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code[0])


def main() -> None:
    """Serve the socket whose descriptor is the argument, until its other end is closed."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    code: list[int] = []  # of a command that has ended by itself
    atexit.register(_end_at_once, code)  # before all others, so that it is called after them
    trust_only_authority()
    _import_all()
    start = _serve(connection)
    if start is not None:
        _become(start)
        try:
            exec(start.code, {"__name__": "__main__"})
            code.append(0)
        except SystemExit as end:
            if end.code is None or isinstance(end.code, int):
                code.append(end.code or 0)
            raise


if __name__ == "__main__":
    main()
