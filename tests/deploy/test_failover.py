"""PostgreSQL with a standby: named by mistake, and promoted while a fleet works."""

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.deploy.conftest import PROMPTS, FleetOn, check_all_succeeded
from tests.support.deploy_tests import required
from tests.support.fleet import COMMAND, environment, serves
from tests.support.postgres import Postgres, serve_postgres
from tests.support.processes import Process, free_port, until
from tests.support.standby import serve_standby
from tests.support.valkey import ValkeyAddress

pytestmark = [
    pytest.mark.deploy,
    pytest.mark.slow(reason="two servers start, a fleet fails over, or processes wait for the primary"),
]
FIX = "Name the primary in DARKROOM_DATABASE_URL, or all servers with commas between them."


@pytest.fixture
def primary() -> Iterator[Postgres]:
    required("/usr/lib/postgresql/15/bin/pg_basebackup")
    with serve_postgres(collated=True) as server:
        server.execute("CREATE DATABASE darkroom")
        yield server


@pytest.fixture
def standby(primary: Postgres) -> Iterator[Postgres]:
    with serve_standby(primary) as server:
        yield server


def of_both(primary: Postgres, standby: Postgres) -> str:
    return f"postgresql://postgres@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/darkroom"


def test_no_job_is_lost_or_paid_twice_when_the_standby_is_promoted(
    fleet_on: FleetOn, primary: Postgres, standby: Postgres, valkey: ValkeyAddress
) -> None:
    valkey.flush()
    fleet = fleet_on(valkey.url, delay=1, database_url=of_both(primary, standby), apis=2, workers=2)
    fleet.client.submit(PROMPTS)
    fleet.practice.wait_finished(8)
    primary.stop()
    standby.execute("SELECT pg_promote()")
    check_all_succeeded(fleet)


def printed(variables: Mapping[str, str], folder: Path, *arguments: str) -> str:
    ended = subprocess.run(
        [COMMAND, *arguments], env=variables, cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode != 0
    return ended.stdout + ended.stderr


def test_a_standby_by_mistake_is_named_in_one_line_until_it_is_promoted(
    primary: Postgres, standby: Postgres, valkey: ValkeyAddress, tmp_path: Path
) -> None:
    settings = {"database_url": primary.url("darkroom"), "broker_url": valkey.url}
    variables = environment("http://127.0.0.1:9", tmp_path, **settings)
    subprocess.run([COMMAND, "migrate"], env=variables, cwd=tmp_path, check=True, timeout=120)
    variables["DARKROOM_DATABASE_URL"] = standby.url("darkroom")
    assert FIX in printed(variables, tmp_path, "doctor")
    assert printed(variables, tmp_path, "migrate").strip().endswith(FIX)
    port = free_port()
    serve = Process([COMMAND, "serve", "--port", str(port)], tmp_path / "serve.log", environment=variables)
    try:
        serve.start()
        until(lambda: FIX in serve.log_tail(), within=30, what="serve says why it waits")
        assert len(serve.log_tail().splitlines()) <= 3
        standby.execute("SELECT pg_promote()")
        serve.wait_ready(lambda: serves(f"http://127.0.0.1:{port}"))
    finally:
        print(serve.log_tail())
        serve.end()
