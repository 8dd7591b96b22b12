"""``darkroom channels``, against a scripted API and the practice provider."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from api.channel_status import read_channel_views
from api.cli.practice_server import PracticeServerThread
from api.cli.render.channels import channel_cells, channel_view
from models.channels import ChannelSettings
from models.clock import now
from models.database import Database
from models.queries.channels import change_channel, list_channels, sync_channels
from tests.api.cli.scripted_server import ScriptedServer
from worker.scheduler.circuit_breaker import CircuitBreaker

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]

WITH_CHANNEL = """
[[channels]]
name = "practice"
base_url = "{url}"
api_key = "practice"
models = ["{model}"]
"""


@pytest.fixture
async def view(database: Database) -> dict[str, Any]:
    """A channel as the API shows it, with every reason that can keep it closed."""
    wanted = {"name": "one", "base_url": "http://127.0.0.1:1", "api_key": "k", "models": ["a", "b*"]}
    breaker = CircuitBreaker(5, now(), now() + timedelta(minutes=10), None, "HTTP 502").to_json()
    error = {"code": "upstream_error", "message": "HTTP 502 from the far side", "at": now().isoformat()}
    changes = {
        "breakers": {"": breaker},
        "last_error": error,
        "limits": {"": {"rpd": 500, "burst": 1}, "a": {"rpm": 3}},
        "blocked_models": {"b-2": "no access"},
    }
    async with database.writing() as connection:
        await sync_channels(connection, [ChannelSettings.model_validate(wanted | {"rpm": 60})], now())
        await change_channel(connection, (await list_channels(connection))[0].id, changes)
        return (await read_channel_views(connection, now()))[0]


def test_channels_are_listed_and_shown_as_the_api_has_them(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed, view: dict[str, Any]
) -> None:
    server.respond("GET /v1/channels", {"data": [view]})
    server.respond("GET /v1/channels/one", view)
    for arguments in (("list",), ("show", "one")):
        assert darkroom("channels", *arguments) == 0
        assert json.loads(capsys.readouterr().out) == view


def test_channels_and_their_models_are_paused_drained_resumed_and_removed(
    server: ScriptedServer, darkroom: Darkroom
) -> None:
    for verb in ("pause", "drain", "resume"):
        server.respond(f"POST /v1/channels/one/{verb}", {"name": "one", "state": "open", "detail": None})
    server.respond("DELETE /v1/channels/one", b"", status=204)
    assert darkroom("channels", "pause", "one", "--model", "a", "--reason", "bill unpaid") == 0
    assert darkroom("channels", "drain", "one", "--reason", "moving") == 0
    assert darkroom("channels", "resume", "one") == 0
    assert darkroom("channels", "resume", "one", "-m", "a", "--forget") == 0
    assert darkroom("channels", "remove", "one") == 0
    assert [(request.path.rpartition("/")[2], request.body) for request in server.requests] == [
        ("pause", {"model": "a", "reason": "bill unpaid"}),
        ("drain", {"reason": "moving"}),
        ("resume", {}),
        ("resume", {"model": "a", "forget": True}),
        ("one", None),
    ]


def test_a_channel_that_a_worker_knows_stays_and_the_worker_is_named(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    detail = "one is in the settings of w-1: remove it there and restart first."
    server.respond("DELETE /v1/channels/one", {"detail": detail}, status=409)
    assert darkroom("channels", "remove", "one") == 1
    assert detail in capsys.readouterr().err


@pytest.mark.parametrize("act", ["pause", "drain", "resume", "show", "remove"])
@pytest.mark.usefixtures("server")
def test_an_unknown_channel_is_not_found(darkroom: Darkroom, act: str) -> None:
    assert darkroom("channels", act, "nobody") == 4


@pytest.mark.parametrize("act", ["test", "try"])
def test_a_channel_that_the_settings_lack_is_not_found(darkroom: Darkroom, act: str) -> None:
    assert darkroom("channels", act, "nobody") == 4


def test_the_view_lists_every_reason_that_keeps_a_channel_closed(
    capsys: Printed, view: dict[str, Any]
) -> None:
    console = Console(width=100, force_terminal=False)
    console.print(channel_view(view, now()))
    shown = capsys.readouterr().out
    for words in (
        "breaker open",
        "5 failures in a row",
        "rpd 500",
        "rpm 3",
        "no access",
        "0 of 60",
        "0 of 16",
    ):
        assert words in shown
    assert "upstream_error: HTTP 502 from the far side" in shown
    cells = [str(cell) for cell in channel_cells({**view, "detail": None}, now())]
    assert "last error" in cells[-1]


def test_a_channel_test_without_a_terminal_needs_yes(
    darkroom: Darkroom, folder: Path, capsys: Printed
) -> None:
    (folder / "darkroom.toml").write_text(WITH_CHANNEL.format(url="http://127.0.0.1:1", model="m"))
    assert darkroom("channels", "test", "practice") == 2
    assert "--yes" in capsys.readouterr().err


def test_a_channel_test_of_a_channel_for_any_model_needs_a_model(darkroom: Darkroom, folder: Path) -> None:
    (folder / "darkroom.toml").write_text(WITH_CHANNEL.format(url="http://127.0.0.1:1", model="*"))
    assert darkroom("channels", "test", "practice", "--yes") == 2


@pytest.mark.parametrize(
    ("prompt", "code", "outcome"), [("a dot", 0, "success"), ("a dot [fail 401]", 1, "needs_human")]
)
def test_a_channel_test_makes_one_call_and_prints_its_outcome(
    darkroom: Darkroom, folder: Path, capsys: Printed, prompt: str, code: int, outcome: str
) -> None:
    with PracticeServerThread(picture="tiny") as practice:
        (folder / "darkroom.toml").write_text(WITH_CHANNEL.format(url=practice.url, model="m"))
        assert darkroom("channels", "test", "practice", "--yes", "--prompt", prompt) == code
    assert json.loads(capsys.readouterr().out)["outcome"] == outcome


def test_an_unreachable_provider_fails_the_test(darkroom: Darkroom, folder: Path, capsys: Printed) -> None:
    (folder / "darkroom.toml").write_text(WITH_CHANNEL.format(url="http://127.0.0.1:1", model="m"))
    assert darkroom("channels", "test", "practice", "--yes") == 1
    assert json.loads(capsys.readouterr().out)["code"] == "connect_error"


def test_trying_styles_asks_first_and_prints_lines_for_the_settings(
    darkroom: Darkroom, folder: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_ALLOW_PRIVATE", "127.0.0.0/8")
    with PracticeServerThread() as provider:
        written = WITH_CHANNEL.format(url=provider.url, model="practice-image")
        (folder / "darkroom.toml").write_text(written)
        assert darkroom("channels", "try", "practice") == 2
        assert "--yes" in capsys.readouterr().err
        assert darkroom("channels", "try", "practice", "--yes") == 0
    *_, last = capsys.readouterr().out.splitlines()
    assert json.loads(last) == {
        "settings": {
            "size_style": "size",
            "n_style": "n",
            "content_style": "auto",
            "image_style": "parts",
        }
    }
