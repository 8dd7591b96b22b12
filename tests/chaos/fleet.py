"""Fleet for fault injection: its processes, and a proxy on every network link."""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import psycopg

from tests.chaos.plan import Scenario, links
from tests.chaos.proxy import Proxy
from tests.support.api_client import KEY
from tests.support.fleet import COMMAND, environment, serves
from tests.support.postgres import Postgres, serve_postgres
from tests.support.practice import Practice
from tests.support.processes import Process, free_port
from tests.support.valkey import Valkey, serve_valkey
from worker.event_loop import LoopThread

_STARTED = re.compile(r'"worker": "([0-9a-f-]{36})"[^\n]*"worker starts"')
_CHANNEL = """
[[channels]]
name = "practice"
base_url = "{url}"
api_key = "practice"
models = ["*"]
concurrency = {concurrency}
idle_timeout = 4
silent_timeout = 4
total_timeout = 20
"""


class ChaosFleet:
    """API processes, workers, PostgreSQL, Valkey and the practice provider, with a proxy on every link."""

    def __init__(self, folder: Path, scenario: Scenario, *, delay: str, slots: int = 30) -> None:
        self.folder, self.scenario = folder, scenario
        self.pictures = folder / "pictures"
        self._delay, self._slots = delay, slots
        self._cleanup = ExitStack()
        self._loop = LoopThread("network")
        self.links: dict[str, Proxy] = {}
        self.down: set[str] = set()  #: processes that must not be restarted yet
        self.restarts = 0  #: of processes that had ended
        self.workers: list[Process] = []
        self.apis: list[Process] = []
        self.urls: list[str] = []
        self.postgres: Postgres
        self.broker: Valkey
        self.practice: Practice

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self._cleanup.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()

    def process(self, target: str) -> Process:
        """Return ``worker N`` or ``API N``."""
        kind, number = target.split()
        return (self.workers if kind == "worker" else self.apis)[int(number)]

    def supervise(self) -> None:
        """Restart ended processes, as a process manager does."""
        for name in self._names():
            process = self.process(name)
            if name not in self.down and process.ended is not None:
                self.restarts += 1
                process.start()

    def _names(self) -> Sequence[str]:
        workers = [f"worker {number}" for number in range(self.scenario.workers)]
        return [*workers, *(f"API {number}" for number in range(self.scenario.apis))]

    def change_link(self, name: str, act: str) -> None:
        """``cut``, ``mute`` or ``repair`` a link."""
        done: Future[None] = Future()

        def do() -> None:
            getattr(self.links[name], act)()
            done.set_result(None)

        self._loop.call(do)
        done.result(10)

    def worker_ids(self, number: int) -> Sequence[UUID]:
        """Return the ids of this worker, oldest first; each start makes a new one."""
        log = self.workers[number].log
        return [UUID(found) for found in _STARTED.findall(log.read_text(errors="replace"))]

    def rows(self, query: str) -> Sequence[Mapping[str, Any]]:
        """Query the database directly, without a proxy."""
        url = self.postgres.url("chaos")
        with psycopg.connect(url, row_factory=psycopg.rows.dict_row, connect_timeout=5) as connection:
            return connection.execute(query.encode()).fetchall()

    def tables(self, *names: str) -> Sequence[Sequence[Mapping[str, Any]]]:
        """Return whole tables, in one snapshot."""
        url = self.postgres.url("chaos")
        with psycopg.connect(url, row_factory=psycopg.rows.dict_row, connect_timeout=5) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            return [connection.execute(f"SELECT * FROM {name}".encode()).fetchall() for name in names]

    def _open(self) -> None:
        self.postgres = self._cleanup.enter_context(serve_postgres())
        self.broker = self._cleanup.enter_context(serve_valkey())
        self.practice = Practice(self.folder, delay=self._delay)
        self._cleanup.callback(self.practice.process.end)
        self.practice.start()
        self.postgres.execute("CREATE DATABASE chaos")
        self._open_network()
        self._make_processes()
        for process in (*self.workers, *self.apis):
            self._cleanup.callback(process.end)
            process.start()
        for api, url in zip(self.apis, self.urls, strict=True):
            api.wait_ready(lambda url=url: serves(url))

    def _open_network(self) -> None:
        self._loop.start()
        self._cleanup.callback(self._loop.stop)
        ports = {
            "all to broker": self.broker.port,
            "workers to provider": int(self.practice.url.rsplit(":", 1)[1]),
        }
        for name in links(self.scenario):
            self.links[name] = Proxy(ports.get(name, self.postgres.port))
            self._loop.run(self.links[name].start())
            self._cleanup.callback(lambda name=name: self._loop.run(self.links[name].stop()))

    def _make_processes(self) -> None:
        provider = f"http://127.0.0.1:{self.links['workers to provider'].port}"
        channel = _CHANNEL.format(url=provider, concurrency=self._slots * self.scenario.workers * 2 // 3)
        (self.folder / "darkroom.toml").write_text(channel)
        ports = [free_port() for _ in range(self.scenario.apis)]
        self.urls = [f"http://127.0.0.1:{port}" for port in ports]
        first = self._process("migrate.log", "APIs to database", "migrate")
        first.start()
        first.wait_finished()
        self.apis = [
            self._process(f"api-{number}.log", "APIs to database", "serve", "--port", str(port))
            for number, port in enumerate(ports)
        ]
        self.workers = [
            self._process(f"worker-{number}.log", f"worker {number} to database", "work")
            for number in range(self.scenario.workers)
        ]

    def _process(self, log: str, database: str, *arguments: str) -> Process:
        variables = environment(
            "",
            self.folder,
            database_url=f"postgresql://postgres@127.0.0.1:{self.links[database].port}/chaos",
            broker_url=f"redis://127.0.0.1:{self.links['all to broker'].port}/0",
            storage_url=self.pictures.as_uri(),
            public_url=self.urls[0],
            worker_timeout=str(self.scenario.worker_timeout),
            worker_slots=str(self._slots),
            log_json="true",
            admin_keys=KEY,
        )
        own = {name: value for name, value in variables.items() if "UPSTREAM" not in name}
        return Process([COMMAND, *arguments], self.folder / log, environment=own, folder=self.folder)
