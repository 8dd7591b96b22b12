"""A whole fleet of real processes: API processes, workers, PostgreSQL, Valkey, and the practice provider."""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.support.api_client import KEY, ApiClient
from tests.support.practice import Practice
from tests.support.processes import Process, free_port

COMMAND = shutil.which("darkroom", path=str(Path(sys.executable).parent)) or "darkroom"


def environment(provider: str, folder: Path, **settings: str) -> dict[str, str]:
    """Return the variables of one installation in a folder, whose only channel is the practice provider."""
    own = {
        "api_keys": KEY,
        "upstream_base_url": provider,
        "upstream_api_key": "practice",
        "upstream_models": "*",
        "upstream_preset": "generic",
        "upstream_concurrency": "40",
        "worker_slots": "20",  # so that both workers have calls in flight
        "allow_private": "127.0.0.0/8",
        "worker_timeout": "3",
        "worker_grace": "20",
        "retry_base": "0.2",
        **settings,
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
    inherited["TMPDIR"] = str(folder)  # what a killed process leaves behind goes with the folder
    return inherited | {f"DARKROOM_{name.upper()}": value for name, value in own.items()}


def serves(url: str) -> bool:
    """Return whether an API process is ready."""
    try:
        return httpx.get(f"{url}/readyz", trust_env=False, verify=False, timeout=10).status_code == 200
    except httpx.TransportError:
        return False


class Fleet:
    """API processes and workers. Each of them can be stopped, killed and started again."""

    def __init__(
        self,
        folder: Path,
        practice: Practice,
        *,
        database_url: str,
        broker_url: str,
        apis: int = 2,
        workers: int = 2,
        **settings: str,
    ) -> None:
        self.practice = practice
        ports = [free_port() for _ in range(apis)]
        self.urls = [f"http://127.0.0.1:{port}" for port in ports]
        variables = environment(
            practice.url,
            folder,
            database_url=database_url,
            broker_url=broker_url,
            storage_url=f"file://{folder}/pictures",
            **{"public_url": self.urls[0], **settings},
        )
        self._folder, self.variables = folder, variables
        self.migrate = self._process("migrate")
        self.apis = [self._process("serve", "--port", str(port)) for port in ports]
        self.workers = [self._process("work") for _ in range(workers)]
        self.client = ApiClient(self.urls)

    def start(self, *, migrate: bool = True) -> None:
        """Make the tables, unless the database has them, then start all and wait until the API serves."""
        if migrate:
            self.migrate.start()
            self.migrate.wait_finished()
        for process in (*self.workers, *self.apis):
            process.start()
        for number in range(len(self.apis)):
            self.await_api(number)

    def await_api(self, number: int) -> None:
        """Wait until an API process serves."""
        self.apis[number].wait_ready(lambda: serves(self.urls[number]))

    def rows(self, query: str) -> Sequence[tuple[Any, ...]]:
        """Read the database."""
        with psycopg.connect(self.variables["DARKROOM_DATABASE_URL"]) as connection:
            return connection.execute(query.encode()).fetchall()

    def log_tails(self) -> str:
        """Return the ends of all logs, to explain a failure."""
        return "\n".join(f"== {log.name}\n{_last(log)}" for log in sorted(self._folder.glob("*.log")))

    def end(self) -> None:
        """End what still runs."""
        self.client.close()
        for process in (*self.workers, *self.apis, self.migrate):
            process.end()

    def _process(self, *arguments: str) -> Process:
        number = len(list(self._folder.glob("*.log")))
        log = self._folder / f"{number}-{arguments[0]}.log"
        log.touch()
        return Process([COMMAND, *arguments], log, environment=self.variables, folder=self._folder)


def _last(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]
