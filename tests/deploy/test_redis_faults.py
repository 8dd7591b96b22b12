"""A Redis that refuses commands: jobs go on by the database alone, and the worker stays."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from redis import Redis

from tests.deploy.conftest import PROMPTS, FleetOn, check_all_succeeded
from tests.support.processes import until
from tests.support.valkey import Valkey, serve_valkey

pytestmark = pytest.mark.slow(reason="a fleet starts, and notices after seconds that the broker is unusable")
UNUSABLE, USABLE = "the broker is unusable", "the broker carries messages again"


@pytest.fixture
def broker() -> Iterator[Valkey]:
    with serve_valkey() as server:
        yield server


def fill(server: Redis) -> None:
    server.config_set("maxmemory", 1)


def follow(server: Redis) -> None:
    server.replicaof("127.0.0.1", "1")


def deny_keys(server: Redis) -> None:
    server.execute_command("ACL", "SETUSER", "default", "resetkeys", "~darkroom.none*")


def refuse_writes(server: Redis) -> None:
    Path(server.config_get("dir")["dir"], server.config_get("dbfilename")["dbfilename"]).mkdir()
    server.config_set("save", "1 1")
    server.bgsave()
    until(lambda: server.info("persistence")["rdb_last_bgsave_status"] == "err", within=20, what="it fails")


def mend(server: Redis) -> None:
    server.config_set("maxmemory", 0)
    server.config_set("save", "")
    server.replicaof("NO", "ONE")
    server.execute_command("ACL", "SETUSER", "default", "allkeys")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (fill, "its memory is full"),
        (follow, "it is a replica"),
        (deny_keys, "its ACL denies this user"),
        pytest.param(refuse_writes, "can't save its snapshot", marks=pytest.mark.deploy),
    ],
)
def test_jobs_go_on_without_the_broker_and_with_it_once_it_is_mended(
    fleet_on: FleetOn, broker: Valkey, spoil: Callable[[Redis], None], words: str
) -> None:
    fleet = fleet_on(broker.url)
    [worker] = fleet.workers
    fleet.client.submit(PROMPTS)
    fleet.practice.wait_finished(4)
    with Redis(port=broker.port) as server:
        spoil(server)
        until(lambda: words in worker.log_tail(20_000), within=30, what="the worker says what is wrong")
        assert UNUSABLE in worker.log_tail(20_000)
        check_all_succeeded(fleet)
        mend(server)
    until(lambda: USABLE in worker.log_tail(20_000), within=60, what="the worker uses the broker again")
    fleet.client.submit(["one picture more"])
    check_all_succeeded(fleet, [*PROMPTS, "one picture more"])


def test_a_wrong_password_is_what_jobs_wait_for_and_metrics_show(fleet_on: FleetOn, broker: Valkey) -> None:
    with Redis(port=broker.port) as server:
        server.config_set("requirepass", "another-password")
    # a worker looks into the database every minute, unless it is woken
    fleet = fleet_on(broker.url.replace("redis://", "redis://:a-password@"), dispatch_interval="60")
    refused = "the broker is unusable: it refuses user name or password."
    usual = {"model": "practice-image", "prompt": "a picture nobody looks for"}

    def why() -> str:
        [key] = fleet.client.submit([usual["prompt"]])
        job = fleet.client.job(key)
        return str((job["waiting"] or {}).get("detail"))

    until(lambda: refused in why(), within=60, what="a job that waits says why", every=1)
    metrics = httpx.get(f"{fleet.urls[0]}/metrics", trust_env=False).text
    assert re.search(r'darkroom_worker_broker_usable\{worker="[^"]+"\} 0.0', metrics)


def test_a_worker_that_starts_on_an_unusable_broker_runs_jobs(fleet_on: FleetOn, broker: Valkey) -> None:
    with Redis(port=broker.port) as server:
        follow(server)
        fleet = fleet_on(broker.url)
        fleet.client.submit(PROMPTS)
        check_all_succeeded(fleet)


def test_keys_with_a_prefix_are_all_that_an_acl_must_allow(
    fleet_on: FleetOn, broker: Valkey, tmp_path: Path
) -> None:
    with Redis(port=broker.port) as server:
        rule = ["on", ">a-password-of-redis", "~darkroom:*", "+@all", "-@admin", "-@dangerous", "+info"]
        server.execute_command("ACL", "SETUSER", "darkroom", *rule)
        url = f"redis://darkroom:a-password-of-redis@127.0.0.1:{broker.port}/0?key_prefix=darkroom:"
        fleet = fleet_on(url)
        fleet.client.submit(PROMPTS)
        check_all_succeeded(fleet)
        assert UNUSABLE not in fleet.workers[0].log_tail(20_000)
        assert [key for key in server.keys("*") if not key.startswith(b"darkroom:")] == []
