"""``darkroom doctor``, fault by fault."""

import json
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from api.cli.doctor.database import check_clock_skew
from api.cli.doctor.installation import check_packages
from api.cli.local_database import write
from models.clock import now
from models.ids import new_id
from models.queries.workers import write_heartbeat
from models.settings import load_settings
from tests.support.valkey import Valkey

Printed = pytest.CaptureFixture[str]
Faults = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def faults(darkroom: Callable[..., int], capsys: Printed) -> Faults:
    """Run doctor and return what it finds fault with, of one check."""

    def examine(check: str, *arguments: str) -> list[dict[str, Any]]:
        code = darkroom("doctor", *arguments)
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert code == (0 if all(one["ok"] for one in found) else 1)
        assert all(one["fix"] for one in found if not one["ok"])
        return [one for one in found if one["check"] == check and not one["ok"]]

    return examine


@pytest.fixture
def busy_port() -> Any:
    """A port that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    """A port where nobody is."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_wrong_settings_are_named_one_by_one(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_PORT", "99999")
    monkeypatch.setenv("DARKROOM_DATABASE_URL", "mysql://x")
    named = [error["message"].split(":")[0] for error in faults("settings")]
    assert sorted(named) == ["DARKROOM_DATABASE_URL", "DARKROOM_PORT"]


def test_a_fresh_embedded_installation_lacks_only_a_channel(faults: Faults) -> None:
    assert "No channel" in faults("channels")[0]["message"]
    assert faults("database") == []


@pytest.mark.usefixtures("migrated")
def test_missing_keys_and_workers_are_found(faults: Faults, darkroom: Callable[..., int]) -> None:
    assert "darkroom keys create" in faults("keys")[0]["fix"]
    assert "darkroom up" in faults("workers")[0]["fix"]


@pytest.mark.usefixtures("migrated")
def test_all_is_fine_when_there_is_nothing_to_mend(
    faults: Faults, darkroom: Callable[..., int], monkeypatch: pytest.MonkeyPatch, busy_port: int
) -> None:
    monkeypatch.setenv("DARKROOM_API_KEYS", "a-key-that-is-long-enough")
    monkeypatch.setenv("DARKROOM_UPSTREAM_BASE_URL", f"http://127.0.0.1:{busy_port}")
    monkeypatch.setenv("DARKROOM_UPSTREAM_API_KEY", "k")
    worker = {"id": new_id(), "name": "w", "version": "1", "slots": 5, "started_at": now()}
    write(load_settings(), lambda connection: write_heartbeat(connection, worker, now()))
    assert darkroom("doctor") == 0


@pytest.mark.usefixtures("migrated")
def test_a_worker_without_a_recent_heartbeat_is_not_alive(faults: Faults) -> None:
    worker = {"id": new_id(), "name": "w", "version": "1", "slots": 5, "started_at": now()}
    write(
        load_settings(), lambda connection: write_heartbeat(connection, worker, now() - timedelta(minutes=5))
    )
    assert faults("workers")


def test_a_database_that_is_down_is_found(
    faults: Faults, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    monkeypatch.setenv("DARKROOM_DATABASE_URL", f"postgresql://me:secret@127.0.0.1:{free_port}/x")
    [found] = faults("database")
    assert "DARKROOM_DATABASE_URL" in found["fix"]
    assert "secret" not in json.dumps(found)


def test_a_fleet_s_database_without_tables_is_found(
    faults: Faults, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    monkeypatch.setenv("DARKROOM_BROKER_URL", f"redis://127.0.0.1:{free_port}/0")
    assert faults("database")[0]["fix"] == "Run darkroom migrate."


def test_a_folder_that_can_not_be_written_is_found(
    faults: Faults, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "file").touch()
    monkeypatch.setenv("DARKROOM_STORAGE_URL", (folder / "file" / "pictures").as_uri())
    assert "DARKROOM_STORAGE_URL" in faults("storage")[0]["fix"]


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_is_down_is_found(
    faults: Faults, monkeypatch: pytest.MonkeyPatch, free_port: int, scheme: str
) -> None:
    monkeypatch.setenv("DARKROOM_BROKER_URL", f"{scheme}://me:secret@127.0.0.1:{free_port}//")
    [found] = faults("broker")
    assert "DARKROOM_BROKER_URL" in found["fix"]
    assert "secret" not in json.dumps(found)


def test_a_broker_that_evicts_messages_is_found(
    faults: Faults, monkeypatch: pytest.MonkeyPatch, valkey: Valkey, darkroom: Callable[..., int]
) -> None:
    monkeypatch.setenv("DARKROOM_BROKER_URL", valkey.url)
    with Redis.from_url(valkey.url) as server:
        server.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert "allkeys-lru" in faults("broker")[0]["message"]
        finally:
            server.config_set("maxmemory-policy", "noeviction")
    assert faults("broker") == []


def test_a_provider_out_of_reach_is_found_unless_offline(
    faults: Faults, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    monkeypatch.setenv("DARKROOM_UPSTREAM_BASE_URL", f"http://127.0.0.1:{free_port}")
    monkeypatch.setenv("DARKROOM_UPSTREAM_API_KEY", "k")
    assert "can't be reached" in faults("channels")[0]["message"]
    assert faults("channels", "--offline") == []


def test_a_name_that_nobody_knows_is_found(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_UPSTREAM_BASE_URL", "https://nobody.invalid/v1")
    monkeypatch.setenv("DARKROOM_UPSTREAM_API_KEY", "k")
    assert "nobody.invalid" in faults("channels")[0]["message"]


def test_an_unknown_preset_and_a_missing_key_are_found_without_the_network(
    faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_UPSTREAM_BASE_URL", "https://example.org")
    monkeypatch.setenv("DARKROOM_UPSTREAM_PRESET", "nonsense")
    said = " ".join(error["message"] for error in faults("channels", "--offline"))
    assert "nonsense" in said
    assert "has no key" in said


def test_handing_out_local_addresses_while_listening_for_everybody_is_found(
    faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_HOST", "0.0.0.0")
    assert "DARKROOM_PUBLIC_URL" in faults("addresses")[0]["fix"]


def test_somebody_else_s_package_of_our_name_is_found() -> None:
    found = list(check_packages({"models": ["darkroom", "intruder"], "api": ["darkroom"]}))
    assert [(one.ok, "intruder" in one.message) for one in found] == [(False, True)]


def test_our_own_packages_are_no_fault() -> None:
    assert [one.ok for one in check_packages()] == [True]


@pytest.mark.parametrize(("seconds", "ok"), [(0, True), (-1.9, True), (2.1, False), (-60, False)])
def test_clocks_may_differ_by_two_seconds(seconds: float, ok: bool) -> None:
    assert check_clock_skew(timedelta(seconds=seconds)).ok is ok


def test_the_clock_of_postgresql_is_asked(
    faults: Faults, monkeypatch: pytest.MonkeyPatch, postgres_copies: Any
) -> None:
    with postgres_copies.fresh() as url:
        monkeypatch.setenv("DARKROOM_DATABASE_URL", url)
        assert faults("clock") == []
        assert faults("database") == []
        assert faults("keys")
