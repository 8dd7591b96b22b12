"""Which retry policy holds for a job."""

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from models.errors import SettingsError
from models.retry.backoff import STANDARD
from models.retry.resolve import Policies
from models.retry.rules import RetryClass, RetryRules
from models.settings import load_settings


def a_job(**said: Any) -> Any:
    return SimpleNamespace(**{"channel": "one", "campaign_retry": None, "retry": None, **said})


def test_the_file_and_the_variable_set_rules_for_all_and_for_a_channel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "darkroom.toml"
    file.write_text("""
        [retry.no_image]
        attempts = 3
        [[channels]]
        name = "one"
        base_url = "https://api.example.com"
        api_key = "k"
        models = ["*"]
        retry = { rate_limited = { attempts = 7 } }
    """)
    found = Policies.from_settings(load_settings(file)).of(a_job()).rules
    assert found[RetryClass.NO_IMAGE].attempts == 3
    assert found[RetryClass.RATE_LIMITED].attempts == 7
    monkeypatch.setenv("DARKROOM_RETRY", '{"no_image": {"attempts": 5}}')
    assert Policies.from_settings(load_settings(file)).of(a_job()).rules[RetryClass.NO_IMAGE].attempts == 5


@pytest.mark.parametrize("text", ["{", '{"no_image": 3}', '{"nothing": {}}'])
def test_a_wrong_variable_is_named(text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DARKROOM_RETRY", text)
    with pytest.raises(SettingsError, match=r"retry|RETRY"):
        load_settings()


def test_a_job_outranks_its_campaign_and_this_its_channel() -> None:
    job = a_job(
        campaign_retry={"no_image": {"attempts": 4}, "retry": {"attempts": 2}},
        retry={"no_image": {"attempts": 5}},
    )
    channel = RetryRules.model_validate({"retry": {"attempts": 9, "cap": 7}})
    found = Policies(STANDARD, {"one": channel}).of(job).rules
    assert found[RetryClass.NO_IMAGE].attempts == 5
    assert (found[RetryClass.RETRY].attempts, found[RetryClass.RETRY].cap) == (2, timedelta(seconds=7))


def test_rules_that_another_version_wrote_do_not_stop_a_job() -> None:
    assert Policies(STANDARD, {}).of(a_job(retry={"no_such_class": {}})) is STANDARD
