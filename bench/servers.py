"""Servers of a benchmark: PostgreSQL, Valkey, practice providers, and Darkroom's processes."""

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import orjson
import psycopg

from tests.support.databases import PostgresCopies
from tests.support.postgres import serve_postgres
from tests.support.processes import Process, free_port, until
from tests.support.valkey import Valkey, serve_valkey

KEY = "dk_bench_bench_bench_bench"
_PRACTICE = "import sys; from worker.practice.server import main; main(sys.argv[1:])"


@dataclass(slots=True)
class Servers:
    """PostgreSQL and Valkey, shared by all benchmarks."""

    folder: Path
    copies: PostgresCopies
    valkey: Valkey
    processes: list[Process] = field(default_factory=list)

    @contextmanager
    def environment(self) -> Iterator["Environment"]:
        """Provide a fresh database, an empty broker and an empty folder; end all processes at the end."""
        self.valkey.flush()
        with self.copies.fresh() as url, tempfile.TemporaryDirectory(dir=self.folder) as folder:
            environment = Environment(Path(folder), url, self.valkey.url)
            try:
                yield environment
            finally:
                environment.end()


@dataclass(slots=True)
class Environment:
    """One benchmark's database, broker and folder, and the processes that it starts."""

    folder: Path
    database_url: str
    broker_url: str
    processes: list[Process] = field(default_factory=list)

    def start_practice(self, **options: object) -> str:
        """Start a practice provider and return its address."""
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        process = self._start("practice", [sys.executable, "-c", _PRACTICE, *arguments])
        until(lambda: "\n" in process.log_tail(), within=30, what="the practice provider serves")
        return str(orjson.loads(process.log_tail().splitlines()[0])["url"])

    def start_idle(self) -> int:
        """Start a server whose route for jobs does nothing, and return its port."""
        port = free_port()
        process = self._start("idle", [sys.executable, "-m", "bench.idle", str(port)])
        process.wait_ready(lambda: _listens(port))
        return port

    def start_api(self, **settings: object) -> int:
        """Start an API process and return its port."""
        port = free_port()
        command = [_darkroom(), "serve", "--port", str(port)]
        self._start("serve", command, **settings).wait_ready(lambda: _listens(port))
        return port

    def start_worker(self, upstream: str, *, slots: int = 1000, **settings: object) -> Process:
        """Start a worker; return its process after its first heartbeat."""
        process = self._start(
            "work",
            [_darkroom(), "work"],
            upstream_base_url=upstream,
            upstream_api_key="practice",
            upstream_concurrency=slots,
            worker_slots=slots,
            **settings,
        )
        process.wait_ready(lambda: self.count("SELECT count(*) FROM workers"))
        return process

    def start_workers(
        self, channels: Sequence[Mapping[str, object]], *, workers: int, **settings: object
    ) -> list[Process]:
        """Start workers that share these channels; return their processes after their first heartbeats."""
        described = orjson.dumps(list(channels)).decode()
        started = [
            self._start("work", [_darkroom(), "work"], channels=described, **settings) for _ in range(workers)
        ]
        for number, process in enumerate(started, 1):
            process.wait_ready(
                lambda most=number: self.count("SELECT count(*) FROM workers") >= most, within=60
            )
        return started

    def start_embedded(self, channels: Sequence[Mapping[str, object]], **settings: object) -> tuple[str, int]:
        """Start API and worker in one process on SQLite; return the database URL and the port."""
        url, port = f"sqlite:///{self.folder}/darkroom.db", free_port()
        self._start(
            "up",
            [_darkroom(), "up", "--port", str(port), "--data", str(self.folder / "data")],
            channels=orjson.dumps(list(channels)).decode(),
            database_url=url,
            broker_url="memory://",
            **settings,
        ).wait_ready(lambda: _listens(port))
        return url, port

    def count(self, statement: str) -> int:
        """Run one statement and return its first number."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            row = connection.execute(statement.encode()).fetchone()
        return int(row[0]) if row and row[0] is not None else 0

    def end(self) -> None:
        """End the started processes, each by its own id."""
        for process in reversed(self.processes):
            process.end()

    def _start(self, name: str, command: list[str], **settings: object) -> Process:
        variables = {key: value for key, value in os.environ.items() if not key.startswith("DARKROOM_")}
        given = {
            "database_url": self.database_url,
            "broker_url": self.broker_url,
            "storage_url": (self.folder / "pictures").as_uri(),
            "api_keys": KEY,
            "allow_private": "127.0.0.0/8",
            "log_level": "warning",
            **settings,
        }
        variables |= {f"DARKROOM_{key.upper()}": str(value) for key, value in given.items()}
        log = self.folder / f"{name}-{len(self.processes)}.log"
        process = Process(command, log, environment=variables, forks=False)  # as users start it
        self.processes.append(process)
        process.start()
        return process


@contextmanager
def open_servers() -> Iterator[Servers]:
    """Start PostgreSQL and Valkey until the block ends."""
    with (
        tempfile.TemporaryDirectory(prefix="darkroom-bench-") as folder,
        serve_postgres() as postgres,
        serve_valkey() as valkey,
    ):
        yield Servers(Path(folder), PostgresCopies(postgres), valkey)


def _darkroom() -> str:
    return str(Path(sys.executable).with_name("darkroom"))


def _listens(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False, timeout=2).status_code < 500
    except httpx.TransportError:
        return False
