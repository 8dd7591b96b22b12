"""What keeps ``up``, ``serve`` and ``work`` from starting, and what only warns."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from api.cli.local_database import placed, settings_of
from api.cli.options import Installation
from models.settings import load_settings

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_busy_port_is_one_plain_sentence(darkroom: Darkroom, capsys: Printed, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert darkroom(command, "--port", port) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"Port {port} ")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("command", ["up", "serve", "work", "migrate"])
def test_wrong_settings_stop_the_start_with_a_sentence_each(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, capsys: Printed, command: str
) -> None:
    monkeypatch.setenv("DARKROOM_WORKER_SLOTS", "many")
    monkeypatch.setenv("DARKROOM_DATABASE_URL", "mysql://x")
    assert darkroom(command) == 2
    said = capsys.readouterr().err.splitlines()
    assert sorted(line.split(":")[0] for line in said) == ["DARKROOM_DATABASE_URL", "DARKROOM_WORKER_SLOTS"]


@pytest.mark.parametrize("command", ["serve", "work"])
def test_a_fleet_s_process_refuses_a_queue_that_others_can_not_see(
    darkroom: Darkroom, capsys: Printed, command: str
) -> None:
    assert darkroom(command) == 2
    assert "darkroom up" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["serve", "work"])
def test_a_fleet_s_process_refuses_a_database_without_tables(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, capsys: Printed, command: str
) -> None:
    monkeypatch.setenv("DARKROOM_BROKER_URL", "redis://127.0.0.1:1/0")
    assert darkroom(command) == 2
    assert "darkroom migrate" in capsys.readouterr().err


def test_one_process_refuses_the_queue_of_a_fleet(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setenv("DARKROOM_BROKER_URL", "redis://127.0.0.1:1/0")
    assert darkroom("up") == 2
    assert "DARKROOM_BROKER_URL" in capsys.readouterr().err


def test_the_data_folder_places_what_is_not_placed_otherwise(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_STORAGE_URL", "s3://bucket")
    settings = settings_of(Installation(data=Path("there")))
    assert settings.database_url == f"sqlite:///{folder}/there/darkroom.db"
    assert settings.storage_url == "s3://bucket"


@pytest.mark.parametrize(
    ("host", "public"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("box.example", "box.example")],
)
def test_addresses_lead_to_the_port_that_was_taken(host: str, public: str) -> None:
    assert placed(load_settings(host=host), 4711).public_url == f"http://{public}:4711"


def test_a_public_address_that_was_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_PUBLIC_URL", "https://darkroom.example")
    assert placed(load_settings(), 4711).public_url == "https://darkroom.example"


def test_help_imports_nothing_that_takes_long() -> None:
    code = (
        "import sys; from api.cli.app import run; run(['--help']); "
        "slow = {'sqlalchemy', 'celery', 'httpx', 'fastapi', 'pydantic'}; "
        "sys.exit(','.join(slow & set(sys.modules)) or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "demo" in ran.stdout


def test_the_version_is_printed(darkroom: Darkroom, capsys: Printed) -> None:
    assert darkroom("--version") == 0
    assert capsys.readouterr().out.strip()
