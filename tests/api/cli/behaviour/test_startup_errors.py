"""Errors that keep ``up``, ``serve``, ``work`` and ``migrate`` from starting."""

import socket
from collections.abc import Callable

import pytest

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_busy_port_is_one_plain_sentence(darkroom: Darkroom, capsys: Printed, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert darkroom(command, "--port", port) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"Port {port} ")
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("command", ["up", "serve", "work", "migrate"])
def test_each_wrong_setting_is_one_sentence(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, capsys: Printed, command: str
) -> None:
    monkeypatch.setenv("DARKROOM_WORKER_SLOTS", "many")
    monkeypatch.setenv("DARKROOM_DATABASE_URL", "mysql://x")
    assert darkroom(command) == 2
    messages = capsys.readouterr().err.splitlines()
    names = sorted(line.split(":")[0] for line in messages)
    assert names == ["DARKROOM_DATABASE_URL", "DARKROOM_WORKER_SLOTS"]


@pytest.mark.parametrize("command", ["serve", "work"])
def test_a_fleet_process_refuses_the_in_memory_broker(
    darkroom: Darkroom, capsys: Printed, command: str
) -> None:
    assert darkroom(command) == 2
    assert "darkroom up" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "work"])
def test_a_fleet_process_refuses_a_database_without_tables(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, capsys: Printed, command: str
) -> None:
    monkeypatch.setenv("DARKROOM_BROKER_URL", "redis://127.0.0.1:1/0")
    assert darkroom(command) == 2
    assert "darkroom migrate" in capsys.readouterr().err
