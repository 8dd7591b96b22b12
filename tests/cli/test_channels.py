"""``darkroom channels``, against the database of the current folder and the practice provider."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.cli.installation import write
from api.cli.rehearsal import Rehearsal
from models.channels import ChannelSettings
from models.clock import now
from models.queries.channels import sync_channels
from models.settings import load_settings

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


def listed(darkroom: Darkroom, capsys: Printed) -> dict[str, Any]:
    assert darkroom("channels", "list") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.usefixtures("channel")
def test_channels_are_listed_with_their_limits(darkroom: Darkroom, capsys: Printed) -> None:
    found = listed(darkroom, capsys)
    assert (found["name"], found["status"], found["models"], found["rpm"]) == (
        "one",
        "ready",
        ["a", "b*"],
        60,
    )
    assert "api_key" not in found


@pytest.mark.usefixtures("channel")
def test_a_pause_is_shown_with_its_reason_until_it_ends(darkroom: Darkroom, capsys: Printed) -> None:
    assert darkroom("channels", "pause", "one", "--reason", "bill unpaid") == 0
    found = listed(darkroom, capsys)
    assert (found["status"], found["detail"]) == ("paused", "bill unpaid")
    assert darkroom("channels", "resume", "one") == 0
    assert listed(darkroom, capsys)["status"] == "ready"


@pytest.mark.usefixtures("channel")
@pytest.mark.parametrize("act", ["pause", "resume", "test"])
def test_an_unknown_channel_is_not_found(darkroom: Darkroom, act: str) -> None:
    assert darkroom("channels", act, "nobody") == 4


def test_a_trial_needs_a_yes_when_nobody_can_be_asked(
    darkroom: Darkroom, folder: Path, capsys: Printed
) -> None:
    (folder / "darkroom.toml").write_text(WITH_CHANNEL.format(url="http://127.0.0.1:1", model="m"))
    assert darkroom("channels", "test", "practice") == 2
    assert "--yes" in capsys.readouterr().err


def test_a_trial_of_a_channel_for_any_model_needs_one(darkroom: Darkroom, folder: Path) -> None:
    (folder / "darkroom.toml").write_text(WITH_CHANNEL.format(url="http://127.0.0.1:1", model="*"))
    assert darkroom("channels", "test", "practice", "--yes") == 2


@pytest.mark.parametrize(
    ("prompt", "code", "outcome"), [("a dot", 0, "success"), ("a dot [fail 401]", 1, "needs_human")]
)
def test_a_trial_makes_one_call_and_tells_what_came_of_it(
    darkroom: Darkroom, folder: Path, capsys: Printed, prompt: str, code: int, outcome: str
) -> None:
    with Rehearsal(picture="tiny") as practice:
        (folder / "darkroom.toml").write_text(WITH_CHANNEL.format(url=practice.url, model="m"))
        assert darkroom("channels", "test", "practice", "--yes", "--prompt", prompt) == code
    assert json.loads(capsys.readouterr().out)["outcome"] == outcome


def test_a_provider_that_is_down_fails_the_trial(darkroom: Darkroom, folder: Path, capsys: Printed) -> None:
    (folder / "darkroom.toml").write_text(WITH_CHANNEL.format(url="http://127.0.0.1:1", model="m"))
    assert darkroom("channels", "test", "practice", "--yes") == 1
    assert json.loads(capsys.readouterr().out)["code"] == "connect_error"
