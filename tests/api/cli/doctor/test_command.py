"""``darkroom doctor``: all checks together."""

from collections.abc import Callable
from typing import Any

import pytest

from api.cli.local_database import write
from models.clock import now
from models.ids import new_id
from models.queries.workers import write_heartbeat
from models.settings import load_settings

Problems = Callable[..., list[dict[str, Any]]]


def test_wrong_settings_are_named_one_by_one(problems: Problems, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_PORT", "99999")
    monkeypatch.setenv("DARKROOM_DATABASE_URL", "mysql://x")
    named = [problem["message"].split(":")[0] for problem in problems("settings")]
    assert sorted(named) == ["DARKROOM_DATABASE_URL", "DARKROOM_PORT"]


def test_a_fresh_embedded_installation_lacks_only_a_channel(problems: Problems) -> None:
    assert "No channel" in problems("channels")[0]["message"]
    assert problems("database") == []


@pytest.mark.usefixtures("migrated")
def test_a_complete_installation_has_no_problem(
    problems: Problems, darkroom: Callable[..., int], monkeypatch: pytest.MonkeyPatch, busy_port: int
) -> None:
    monkeypatch.setenv("DARKROOM_API_KEYS", "a-key-that-is-long-enough")
    monkeypatch.setenv("DARKROOM_UPSTREAM_BASE_URL", f"http://127.0.0.1:{busy_port}")
    monkeypatch.setenv("DARKROOM_UPSTREAM_API_KEY", "sk-of-the-provider")
    monkeypatch.setenv("DARKROOM_PORT", "0")
    worker = {"id": new_id(), "name": "w", "version": "1", "slots": 5, "started_at": now()}
    write(load_settings(), lambda connection: write_heartbeat(connection, worker, now()))
    assert darkroom("doctor") == 0
