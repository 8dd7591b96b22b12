"""Wrong values of settings, in variables and in ``darkroom.toml``, are named in one plain sentence each."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some

from models.channels import ChannelSettings
from models.errors import SettingsError
from models.settings import Settings, load_settings
from tests.api.behaviour.test_plain_messages import PYTHON

MANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = some.sampled_from([*Settings.model_fields])
TEXTS = some.one_of(
    some.sampled_from(
        (
            *("banana", "", " ", "-1", "0x0", "1e400", "NaN", "-inf", "None", "null", "true", "[]", "[1]"),
            *("{}", "[", '{"a": 1}', "[" * 3000, "9" * 5000, ",", "a,b", "٣", "a\nb", "2026-13-45", "../.."),
            *("http://", "http://[::1", "https://a:99999", "postgresql://", "redis://[", "s3://", "file:"),
            *("sqlite://", "amqp://a:b@c:banana/d", "sentinel://", "10.0.0.0/99", "http://a b/"),
        )
    ),
    some.text(some.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30),
).filter(lambda text: not PYTHON.search(text))  # a refusal may quote its value
VALUES = some.recursive(
    TEXTS | some.just("a\0b") | some.integers(-(10**20), 10**20) | some.floats() | some.booleans(),
    lambda inner: (
        some.lists(inner, max_size=3) | some.dictionaries(some.text("ab", min_size=1), inner, max_size=2)
    ),
    max_leaves=4,
)


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("DARKROOM_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def check(named: str, alternative: str | None = None) -> None:
    """Load the settings, which must work or be refused in plain sentences that name what is wrong."""
    try:
        load_settings()
    except SettingsError as refusal:
        for sentence in refusal.faults:
            assert sentence.splitlines() == [sentence]
            assert len(sentence) < 700
            assert not (found := PYTHON.search(sentence)), (found, sentence)
            assert named in sentence or (alternative and alternative in sentence), sentence


@MANY
@given(NAMES, TEXTS)
@example("channels", "[" * 3000)
@example("retry", "banana")
@example("upstream_base_url", "banana")
def test_a_wrong_variable_is_named_in_a_plain_sentence(name: str, text: str) -> None:
    os.environ[f"DARKROOM_{name.upper()}"] = text
    try:
        check(f"DARKROOM_{name.upper()}", "channels" if name == "channels" else f"{name}.")
    finally:
        del os.environ[f"DARKROOM_{name.upper()}"]


def toml(value: Any) -> str:
    """Write a value as TOML."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            return str(value)
        case dict():
            return "{" + ", ".join(f"{json.dumps(name)} = {toml(each)}" for name, each in value.items()) + "}"
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)


@MANY
@given(NAMES, VALUES)
def test_a_wrong_key_of_the_file_is_named_in_a_plain_sentence(name: str, value: Any) -> None:
    Path("darkroom.toml").write_text(f"{name} = {toml(value)}\n", encoding="utf-8", errors="replace")
    check(name, f"DARKROOM_{name.upper()}")


CHANNEL = {"name": "one", "base_url": "https://a.example", "api_key": "sk-of-the-provider", "models": ["m"]}


@MANY
@given(some.sampled_from([*ChannelSettings.model_fields, "banana"]), VALUES)
def test_a_wrong_key_of_a_channel_is_named_in_a_plain_sentence(name: str, value: Any) -> None:
    lines = [f"{key} = {toml(each)}" for key, each in {**CHANNEL, name: value}.items()]
    Path("darkroom.toml").write_text("\n".join(["[[channels]]", *lines]), encoding="utf-8", errors="replace")
    check(f"channels.0.{name}", "channels")


@MANY
@given(some.binary(max_size=40))
def test_any_bytes_as_the_file_are_refused_in_a_plain_sentence(content: bytes) -> None:
    Path("darkroom.toml").write_bytes(content)
    check("")
