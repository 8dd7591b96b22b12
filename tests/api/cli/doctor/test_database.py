"""Check of the database: tables, keys, workers and its clock."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from api.cli.doctor.database import check_clock_skew
from api.cli.local_database import write
from models.api_keys import new_key
from models.clock import now
from models.credentials.encryption import SecretCipher
from models.ids import new_id
from models.queries.callers import insert_caller
from models.queries.webhooks.endpoints import change_endpoint, insert_endpoint
from models.queries.workers import write_heartbeat
from models.settings import load_settings
from tests.support.databases import PostgresCopies

Problems = Callable[..., list[dict[str, Any]]]


@pytest.mark.usefixtures("migrated")
def test_missing_keys_and_workers_are_found(problems: Problems, darkroom: Callable[..., int]) -> None:
    assert "darkroom keys create" in problems("keys")[0]["fix"]
    assert "darkroom up" in problems("workers")[0]["fix"]


def test_a_database_that_takes_no_writes_is_found(
    problems: Problems, postgres_copies: PostgresCopies, monkeypatch: pytest.MonkeyPatch
) -> None:
    with postgres_copies.fresh() as url:
        postgres_copies.set(url, "default_transaction_read_only", "on")
        monkeypatch.setenv("DARKROOM_DATABASE_URL", url)
        assert "Name the primary" in problems("database")[0]["fix"]


@pytest.mark.usefixtures("migrated")
def test_a_worker_without_a_recent_heartbeat_is_not_alive(problems: Problems) -> None:
    worker = {"id": new_id(), "name": "w", "version": "1", "slots": 5, "started_at": now()}
    write(
        load_settings(), lambda connection: write_heartbeat(connection, worker, now() - timedelta(minutes=5))
    )
    assert problems("workers")


@pytest.mark.usefixtures("migrated")
def test_workers_that_disagree_about_a_channel_are_named(problems: Problems) -> None:
    for name, rpm in (("w-1", 5), ("w-2", 7)):
        row = {"id": new_id(), "name": name, "version": "1", "slots": 5, "started_at": now()}
        known = {"one": {"rpm": rpm}, **({"two": {}} if rpm == 5 else {})}
        write(
            load_settings(),
            lambda it, row=row, known=known: write_heartbeat(it, {**row, "channels": known}, now()),
        )
    told = [found["message"] for found in problems("workers")]
    assert told == [
        "The workers disagree: channel one: w-2, which started last, has rpm 7 (this one is in force); "
        "w-1 has 5.",
        "The workers disagree: channel two is not in the settings of w-2.",
    ]


@pytest.mark.usefixtures("migrated")
def test_secrets_that_are_lost_or_not_encrypted_are_found(
    problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, stored = new_id(), SecretCipher([new_key()]).encrypt("whsec_one")
    row = {"id": new_id(), "caller_id": caller, "url": "https://receiver.example", "description": ""}
    row |= {"events": [], "secret": stored, "created_at": now()}
    who: dict[str, Any] = {"name": "a", "key_hash": caller.bytes, "key_hint": "", "admin": False, "at": now()}
    write(load_settings(), lambda connection: insert_caller(connection, caller, **who))
    write(load_settings(), lambda connection: insert_endpoint(connection, row))
    (lost,) = problems("secrets")
    assert lost["message"].startswith("1 webhook secrets were encrypted with a key that is not")
    write(load_settings(), lambda it: change_endpoint(it, row["id"], {"secret": "whsec_one"}))
    assert problems("secrets") == []
    monkeypatch.setenv("DARKROOM_SECRET_KEY", new_key())
    (clear,) = problems("secrets")
    assert clear["fix"] == "Run darkroom keys encrypt."


def test_a_database_that_is_down_is_found(
    problems: Problems, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    monkeypatch.setenv("DARKROOM_DATABASE_URL", f"postgresql://me:secret@127.0.0.1:{free_port}/x")
    [found] = problems("database")
    assert "DARKROOM_DATABASE_URL" in found["fix"]
    assert "secret" not in json.dumps(found)


def test_a_fleet_database_without_tables_is_found(
    problems: Problems, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    monkeypatch.setenv("DARKROOM_BROKER_URL", f"redis://127.0.0.1:{free_port}/0")
    assert problems("database")[0]["fix"] == "Run darkroom migrate."


@pytest.mark.parametrize(("seconds", "ok"), [(0, True), (-1.9, True), (2.1, False), (-60, False)])
def test_clocks_may_differ_by_two_seconds(seconds: float, ok: bool) -> None:
    assert check_clock_skew(timedelta(seconds=seconds)).ok is ok


def test_a_migrated_postgresql_database_passes_with_its_clock(
    problems: Problems, monkeypatch: pytest.MonkeyPatch, postgres_copies: Any
) -> None:
    with postgres_copies.fresh() as url:
        monkeypatch.setenv("DARKROOM_DATABASE_URL", url)
        assert problems("clock") == []
        assert problems("database") == []
        assert problems("keys")
