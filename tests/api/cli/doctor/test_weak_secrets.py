"""Check of secrets."""

from collections.abc import Callable
from typing import Any

import pytest

from models.api_keys import new_key

Problems = Callable[..., list[dict[str, Any]]]


def test_good_secrets_are_no_problem(problems: Problems, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_UPSTREAM_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("DARKROOM_UPSTREAM_API_KEY", new_key())
    monkeypatch.setenv("DARKROOM_BROKER_URL", f"redis://:{new_key()}@127.0.0.1:1/0")
    assert problems("secrets", "--offline") == []


def test_a_short_key_of_a_provider_is_found(problems: Problems, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_UPSTREAM_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("DARKROOM_UPSTREAM_API_KEY", "sk-1")
    (problem,) = problems("secrets", "--offline")
    assert problem["message"].startswith("DARKROOM_UPSTREAM_API_KEY: the key has 4 characters")
    assert problem["fix"].startswith("Write the key")


def test_a_weak_password_of_the_broker_is_found(problems: Problems, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_BROKER_URL", "redis://:change-me@127.0.0.1:1/0")
    (problem,) = problems("secrets", "--offline")
    assert problem["message"] == "DARKROOM_BROKER_URL: the password is a placeholder, not a secret."


def test_a_placeholder_is_named_by_its_variable(problems: Problems, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_ADMIN_KEYS", "another-long-random-key")
    (problem,) = problems("settings")
    assert problem["message"].startswith("DARKROOM_ADMIN_KEYS: key 1 is a placeholder")
