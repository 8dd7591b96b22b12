"""Redis over TLS, and behind Sentinel: Debian's servers, with a private authority and a failover."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis

from tests.deploy.conftest import PROMPTS, FleetOn, check_all_succeeded
from tests.support.deploy_tests import required
from tests.support.fleet import COMMAND
from tests.support.private_ca import make_private_ca
from tests.support.processes import Process, free_port, until

pytestmark = [pytest.mark.deploy, pytest.mark.slow(reason="a fleet starts, and a failover takes seconds")]
PASSWORD = "a-password-of-redis"


@contextmanager
def serve(folder: Path, name: str, program: str, *options: str) -> Iterator[Process]:
    """Run one of Debian's servers with a configuration of its own."""
    own = folder / name
    own.mkdir()
    config = own / "conf"
    config.write_text("\n".join(["bind 127.0.0.1", f"dir {own}", 'save ""', *options]))
    process = Process([required(program), str(config)], own / "log")
    process.start()
    try:
        yield process
    finally:
        process.end()


def answers(**options: object) -> bool:
    try:
        with Redis(**options) as server:  # type: ignore[arg-type]
            return bool(server.ping())
    except OSError:
        return False
    except Exception as error:  # noqa: BLE001 - redis-py's own
        return "Connection" not in type(error).__name__


def test_tls_is_verified_by_worker_api_and_doctor_alike(fleet_on: FleetOn, tmp_path: Path) -> None:
    private_ca, port = make_private_ca(tmp_path), free_port()
    options = ["port 0", f"tls-port {port}", "tls-auth-clients no", f"requirepass {PASSWORD}"]
    options += [f"tls-cert-file {private_ca.certificate}", f"tls-key-file {private_ca.key}"]
    with serve(tmp_path, "redis", "redis-server", *options):
        until(
            lambda: answers(port=port, ssl=True, ssl_ca_certs=str(private_ca.bundle), password=PASSWORD),
            within=20,
            what="Redis answers",
        )
        url = f"rediss://:{PASSWORD}@127.0.0.1:{port}/0"
        fleet = fleet_on(url)
        [worker], [api] = fleet.workers, fleet.apis
        fleet.client.submit(PROMPTS[:20])
        check_all_succeeded(fleet, PROMPTS[:20])
        distrust = "its certificate is not trusted: name its CA in DARKROOM_CA_BUNDLE"
        until(lambda: distrust in worker.log_tail(20_000), within=30, what="the worker refuses it")
        assert distrust in api.log_tail(20_000)
        assert distrust in doctor(fleet.variables, tmp_path)

        fleet.variables["DARKROOM_CA_BUNDLE"] = str(private_ca.bundle)
        assert "a message went through rediss://" in doctor(fleet.variables, tmp_path)
        for process in (worker, api):
            process.stop()
            process.log.write_text("")
            process.start()
        fleet.await_api(0)
        fleet.client.submit(PROMPTS[20:])
        check_all_succeeded(fleet)
        assert "unusable" not in worker.log_tail(20_000)
        assert "did not accept" not in api.log_tail(20_000)


def doctor(variables: dict[str, str], folder: Path) -> str:
    process = Process(
        [COMMAND, "doctor", "--offline"], folder / "doctor.log", environment=variables, folder=folder
    )
    process.log.write_text("")
    process.start()
    until(lambda: process.ended is not None, within=60, what="doctor ends")
    return " ".join(process.log_tail(20_000).split())


def test_a_failover_by_sentinel_in_the_middle_loses_no_job(fleet_on: FleetOn, tmp_path: Path) -> None:
    first, second, sentinel = free_port(), free_port(), free_port()
    common = [f"requirepass {PASSWORD}", f"masterauth {PASSWORD}"]
    watch = [
        f"port {sentinel}",
        f"sentinel monitor pictures 127.0.0.1 {first} 1",
        f"sentinel auth-pass pictures {PASSWORD}",
        "sentinel down-after-milliseconds pictures 1000",
        "sentinel failover-timeout pictures 5000",
    ]
    replica = [f"port {second}", f"replicaof 127.0.0.1 {first}", *common]
    with (
        serve(tmp_path, "first", "redis-server", f"port {first}", *common) as master,
        serve(tmp_path, "second", "redis-server", *replica),
        serve(tmp_path, "sentinel", "redis-sentinel", *watch),
        Redis(port=sentinel) as asked,
    ):
        until(
            lambda: answers(port=sentinel) and asked.sentinel_master("pictures")["num-slaves"] == 1,  # type: ignore[no-untyped-call]
            within=30,
            what="the sentinel knows the replica",
        )
        fleet = fleet_on(f"sentinel://:{PASSWORD}@127.0.0.1:{sentinel}/0?master=pictures", delay=0.5)
        assert "a message went through sentinel://" in doctor(fleet.variables, tmp_path)
        [worker] = fleet.workers
        fleet.client.submit(PROMPTS)
        fleet.practice.wait_finished(8)
        master.kill()
        check_all_succeeded(fleet)
        until(
            lambda: "the broker carries messages again" in worker.log_tail(50_000),
            within=60,
            what="the new master is used",
        )
        fleet.client.submit(["the last one"])
        check_all_succeeded(fleet, [*PROMPTS, "the last one"])
        assert "a message went through sentinel://" in doctor(fleet.variables, tmp_path)


def test_the_port_of_a_sentinel_is_named_as_one(fleet_on: FleetOn, tmp_path: Path) -> None:
    port = free_port()
    with serve(tmp_path, "sentinel", "redis-sentinel", f"port {port}"):
        until(lambda: answers(port=port), within=20, what="the sentinel answers")
        fleet = fleet_on(f"redis://127.0.0.1:{port}/0")
        fleet.client.submit(PROMPTS)
        check_all_succeeded(fleet)
        assert "this is a Sentinel" in doctor(fleet.variables, tmp_path)
        until(
            lambda: "this is a Sentinel" in fleet.workers[0].log_tail(20_000), within=30, what="it is logged"
        )


def test_a_cluster_is_refused_in_words(fleet_on: FleetOn, tmp_path: Path) -> None:
    port = free_port()
    options = [f"port {port}", "cluster-enabled yes", f"cluster-port {free_port()}"]
    with serve(tmp_path, "cluster", "redis-server", *options):
        until(lambda: answers(port=port), within=20, what="the server answers")
        with Redis(port=port) as server:
            server.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        fleet = fleet_on(f"redis://127.0.0.1:{port}/0")
        fleet.client.submit(PROMPTS)
        check_all_succeeded(fleet)
        assert "it is a Redis Cluster" in doctor(fleet.variables, tmp_path)
        assert "it is a Redis Cluster" in fleet.workers[0].log_tail(20_000)
