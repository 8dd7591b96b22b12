"""Fleet for fault injection: its processes, and a proxy on every network link."""

import re
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self
from uuid import UUID

import psycopg

from tests.chaos.hostile import HOSTILE_KEY
from tests.chaos.plan import Scenario, links
from tests.chaos.proxy import Proxy
from tests.support.api_client import KEY
from tests.support.fleet import COMMAND, environment, serves
from tests.support.postgres import Postgres, serve_postgres
from tests.support.practice import Practice
from tests.support.processes import Process, free_port
from tests.support.valkey import Valkey, serve_valkey
from worker.event_loop import LoopThread

NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
_ROOT = Path(__file__).parents[2]
_STARTED = re.compile(r'"worker": "([0-9a-f-]{36})"[^\n]*"worker starts"')
CHANNELS = ("practice", "second")  #: the last worker's settings do not have the second one
UNREADABLE = "a job that no worker can read"  #: prompt of the rows that no worker can read
_CHANNEL = """
[[channels]]
name = "{name}"
base_url = "{url}"
api_key = "practice"
models = ["{name}-image"]
concurrency = {concurrency}
idle_timeout = 4
silent_timeout = 4
total_timeout = 20
"""
_INSERT_UNREADABLE = f"""
INSERT INTO jobs (id, caller_id, surface, status, revision, generation, model, prompt, request, tags,
    metadata, priority, max_attempts, on_unknown, not_before, backing_off, progress, attempts_used,
    store_tries, created_at, updated_at, expires_at, retry)
SELECT gen_random_uuid(), callers.id, 'rest', 'queued', 1, 1, model, '{UNREADABLE}', request, '[]', '{{}}',
    9, 1, 'fail', now(), false, 0, 0, 0, now(), now(), expires_at, retry
FROM callers CROSS JOIN (VALUES ('practice-image'), ('second-image')) AS models (model)
CROSS JOIN (VALUES
    ('{{}}'::jsonb, 'infinity'::timestamptz, NULL::jsonb),  -- a time that no driver can read
    ('[]', NULL, NULL), ('{{"images": 1, "params": []}}', NULL, NULL), ('{{}}', NULL, '"odd"')
) AS rows (request, expires_at, retry)
"""


class ChaosFleet:
    """API processes, workers, PostgreSQL, Valkey and the practice provider, with a proxy on every link."""

    def __init__(self, folder: Path, scenario: Scenario, *, delay: str, slots: int = 30) -> None:
        self.folder, self.scenario = folder, scenario
        self.pictures = folder / "pictures"
        self.hang = folder / "hang"  #: while this file exists, nothing can be written to the picture store
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

    def set_clock(self, target: str, seconds: float) -> None:
        """Set the clock of ``worker N`` ahead by so many seconds."""
        clock = self._clock_of(target)
        new = clock.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(clock)

    def heartbeat_age(self, worker_id: UUID) -> float | None:
        """Return the age of a worker's last heartbeat by the database's clock, in seconds.

        ``None`` if there is none, or the database is down.
        """
        age = f"SELECT EXTRACT(EPOCH FROM now() - heartbeat_at) AS age FROM workers WHERE id = '{worker_id}'"
        try:
            return next((float(row["age"]) for row in self.rows(age)), None)
        except psycopg.OperationalError:
            return None

    def insert_unreadable_jobs(self) -> None:
        """Insert jobs that no worker can read, of each caller and model, before all others."""
        self._execute(_INSERT_UNREADABLE)

    def delete_unreadable_jobs(self) -> None:
        """Delete them, as an operator would."""
        self._execute(f"DELETE FROM jobs WHERE prompt = '{UNREADABLE}'")

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

    def _execute(self, statement: str) -> None:
        """Run a statement directly, without a proxy; if the database is down, once it is back."""
        deadline = time.monotonic() + 60
        while True:
            try:
                with psycopg.connect(self.postgres.url("chaos"), connect_timeout=5) as connection:
                    connection.execute(statement.encode())
                    return
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, "the database did not come back"
                time.sleep(0.1)

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
        most = self._slots * self.scenario.workers
        channels = [
            _CHANNEL.format(
                name=name, url=provider, concurrency=most // 2 if name == CHANNELS[0] else most // 6
            )
            for name in CHANNELS
        ]
        (self.folder / "darkroom.toml").write_text("".join(channels))
        (self.folder / "other.toml").write_text(channels[0])
        ports = [free_port() for _ in range(self.scenario.apis)]
        self.urls = [f"http://127.0.0.1:{port}" for port in ports]
        first = self._process("migrate.log", "APIs to database", COMMAND, "migrate")
        first.start()
        first.wait_finished()
        self.apis = [
            self._process(f"api-{number}.log", "APIs to database", COMMAND, "serve", "--port", str(port))
            for number, port in enumerate(ports)
        ]
        workers = range(self.scenario.workers)
        settings = ["darkroom.toml"] * len(workers)
        if self.scenario.other_settings:
            settings[-1] = "other.toml"
        self.workers = [self._worker(number, settings[number]) for number in workers]

    def _worker(self, number: int, settings: str) -> Process:
        self.set_clock(f"worker {number}", 0.0)
        variables = {
            "CHAOS_CLOCK": str(self._clock_of(f"worker {number}")),
            "CHAOS_HANG": str(self.hang),
            "PYTHONPATH": str(_ROOT),
        }
        command = [sys.executable, "-m", "tests.chaos.launcher", "work", "--config", settings]
        database = f"worker {number} to database"
        return self._process(f"worker-{number}.log", database, *command, variables=variables)

    def _clock_of(self, target: str) -> Path:
        return self.folder / f"clock of {target}"

    def _process(
        self, log: str, database: str, *command: str, variables: Mapping[str, str] = NO_VARIABLES
    ) -> Process:
        settings = environment(
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
            api_keys=HOSTILE_KEY,
        )
        own = {name: value for name, value in settings.items() if "UPSTREAM" not in name}
        return Process(command, self.folder / log, environment={**own, **variables}, folder=self.folder)
