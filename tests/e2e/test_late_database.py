"""API processes and workers that start before their database does."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from migrations import upgrade
from tests.support.databases import sqlalchemy_url
from tests.support.fleet import COMMAND, environment, serves
from tests.support.postgres import Postgres, serve_postgres
from tests.support.processes import Process, free_port, until
from tests.support.valkey import Valkey

UNAVAILABLE = "the database is unavailable"


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A server with Darkroom's tables that this test may stop."""
    with serve_postgres() as server:
        server.execute("CREATE DATABASE darkroom")
        upgrade(sqlalchemy_url(server.url("darkroom")))
        yield server


@pytest.mark.slow(reason="four processes start, and try their database every 3 s")
def test_serve_and_work_wait_for_their_database_and_stop_at_once_on_sigterm(
    postgres: Postgres, broker: Valkey, tmp_path: Path
) -> None:
    port = free_port()

    def process(name: str, *arguments: str, database: str = "darkroom") -> Process:
        settings = {"database_url": postgres.url(database), "broker_url": broker.url}
        variables = environment("http://127.0.0.1:9", tmp_path, **settings)
        command, log = [COMMAND, *arguments], tmp_path / f"{name}.log"
        return Process(command, log, environment=variables, folder=tmp_path)

    serve, work = process("serve", "serve", "--port", str(port)), process("work", "work")
    stopped, wrong = process("stopped", "work"), process("wrong", "work", database="nowhere")
    try:
        postgres.stop()
        for each in (serve, work, stopped):
            each.start()
        for each in (serve, work, stopped):
            until(lambda each=each: UNAVAILABLE in each.log_tail(), within=30, what="it logs that it waits")
            assert each.ended is None
            assert "Connection refused" in each.log_tail()
        tries = stopped.log_tail().count(UNAVAILABLE)
        assert stopped.stop(signal.SIGTERM) == 0
        assert stopped.log_tail().count(UNAVAILABLE) <= tries + 1  # one may have begun already
        assert "Traceback" not in stopped.log_tail()

        postgres.start()
        serve.wait_ready(lambda: serves(f"http://127.0.0.1:{port}"))
        work.wait_ready(lambda: "worker is ready" in work.log_tail())
        wrong.start()
        until(lambda: wrong.ended is not None, within=30, what="it does not wait for what can't come")
        assert wrong.ended == 6
        assert "does not exist" in wrong.log_tail()
        assert UNAVAILABLE not in wrong.log_tail()

        postgres.stop()  # it also stops while the database is away
        assert work.stop(signal.SIGTERM) == 0
        assert "reclaimed when its heartbeat is overdue" in work.log_tail()
    finally:
        for each in (serve, work, stopped, wrong):
            print(each.log_tail())
            each.end()
