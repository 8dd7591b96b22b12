"""``darkroom channels``, against the database of the current folder and the practice provider."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy.ext.asyncio import AsyncConnection

from api.channel_status import read_channel_views
from api.cli.local_database import read, write
from api.cli.practice_server import PracticeServerThread
from api.cli.render.channels import channel_cells, channel_view
from models.channels import ChannelSettings
from models.clock import now
from models.ids import new_id
from models.queries.channels import change_channel, list_channels, sync_channels
from models.queries.workers import write_heartbeat
from models.settings import load_settings
from worker.scheduler.adaptive_rate import AdaptiveRate
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
def channel(migrated: None) -> None:
    """A channel in the database, as a worker writes it."""
    wanted = ChannelSettings.model_validate(
        {"name": "one", "base_url": "http://127.0.0.1:1", "api_key": "k", "models": ["a", "b*"], "rpm": 60}
    )
    write(load_settings(), lambda connection: sync_channels(connection, [wanted], now()))


BROKEN = {
    "breakers": {"": CircuitBreaker(5, now(), now() + timedelta(minutes=10), None, "HTTP 502").to_json()}
}


def change(**changes: Any) -> None:
    """Let something happen to the channel."""

    async def act(connection: AsyncConnection) -> None:
        await change_channel(connection, (await list_channels(connection))[0].id, changes)

    write(load_settings(), act)


@pytest.mark.usefixtures("channel")
@pytest.mark.parametrize(("silent", "code"), [(0, 1), (61, 0)])
def test_a_channel_is_removed_unless_a_live_worker_knows_it(
    darkroom: Darkroom, capsys: Printed, silent: float, code: int
) -> None:
    at = now() - timedelta(seconds=silent)
    worker = {"id": new_id(), "name": "w-1", "version": "1", "slots": 5, "started_at": at}
    write(load_settings(), lambda it: write_heartbeat(it, {**worker, "channels": {"one": {}}}, at))
    assert darkroom("channels", "remove", "one") == code
    left = read(load_settings(), list_channels)
    assert [row.name for row in left] == (["one"] if code else [])
    assert ("is in the settings of w-1" in capsys.readouterr().err) is bool(code)


@pytest.mark.usefixtures("migrated")
def test_a_channel_that_does_not_exist_is_not_removed(darkroom: Darkroom) -> None:
    assert darkroom("channels", "remove", "nowhere") == 4


def listed(darkroom: Darkroom, capsys: Printed) -> dict[str, Any]:
    assert darkroom("channels", "list") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.usefixtures("channel")
def test_channels_are_listed_with_their_limits(darkroom: Darkroom, capsys: Printed) -> None:
    found = listed(darkroom, capsys)
    assert (found["name"], found["state"], found["models"], found["rpm"]) == (
        "one",
        "open",
        ["a", "b*"],
        60,
    )
    assert "api_key" not in found


@pytest.mark.usefixtures("channel")
def test_a_pause_is_shown_with_its_reason_until_it_ends(darkroom: Darkroom, capsys: Printed) -> None:
    assert darkroom("channels", "pause", "one", "--reason", "bill unpaid") == 0
    found = listed(darkroom, capsys)
    assert (found["state"], found["detail"]) == ("paused", "bill unpaid")
    assert darkroom("channels", "drain", "one", "--reason", "moving") == 0
    assert (listed(darkroom, capsys))["state"] == "drained"
    assert darkroom("channels", "resume", "one") == 0
    assert listed(darkroom, capsys)["state"] == "open"


@pytest.mark.usefixtures("channel")
def test_one_model_of_a_channel_is_paused_and_resumed(darkroom: Darkroom, capsys: Printed) -> None:
    assert darkroom("channels", "pause", "one", "--model", "a", "--reason", "blurred") == 0
    found = listed(darkroom, capsys)
    assert (found["state"], found["blocked_models"]) == ("open", {"a": "blurred"})
    assert darkroom("channels", "resume", "one", "-m", "a") == 0
    assert listed(darkroom, capsys)["blocked_models"] == {}


@pytest.mark.usefixtures("channel")
def test_resume_closes_breakers_and_resets_the_learned_rate_only_with_forget(
    darkroom: Darkroom, capsys: Printed
) -> None:
    change(learned=AdaptiveRate(rate=7.0, resumed=now(), rest=20.0).to_json(), **BROKEN)
    found = listed(darkroom, capsys)
    assert (found["state"], found["breakers"][""]["failures"]) == ("breaker_open", 5)
    assert found["learned_rpm"] == pytest.approx(3.5, abs=0.2)  # it begins slowly
    assert darkroom("channels", "resume", "one") == 0
    found = listed(darkroom, capsys)
    assert (found["state"], found["breakers"], found["learned_rpm"] is None) == ("open", {}, False)
    assert darkroom("channels", "resume", "one", "--forget") == 0
    assert listed(darkroom, capsys)["learned_rpm"] is None


@pytest.mark.usefixtures("channel")
def test_the_view_lists_every_reason_that_keeps_a_channel_closed(capsys: Printed) -> None:
    error = {"code": "upstream_error", "message": "HTTP 502 from the far side", "at": now().isoformat()}
    limits = {"": {"rpd": 500, "burst": 1}, "a": {"rpm": 3}}
    change(last_error=error, limits=limits, blocked_models={"b-2": "no access"}, **BROKEN)
    found = read(load_settings(), lambda connection: read_channel_views(connection, now()))[0]
    console = Console(width=100, force_terminal=False)
    console.print(channel_view(found, now()))
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
    cells = [str(cell) for cell in channel_cells({**found, "detail": None}, now())]
    assert "last error" in cells[-1]


@pytest.mark.usefixtures("channel")
@pytest.mark.parametrize("act", ["pause", "drain", "resume", "show", "test", "try"])
def test_an_unknown_channel_is_not_found(darkroom: Darkroom, act: str) -> None:
    assert darkroom("channels", act, "nobody") == 4


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
