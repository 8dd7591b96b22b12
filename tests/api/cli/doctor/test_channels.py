"""Check of the channels and their providers."""

from collections.abc import Callable
from typing import Any

import pytest

Problems = Callable[..., list[dict[str, Any]]]


def test_an_unreachable_provider_is_found_unless_offline(
    problems: Problems, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    monkeypatch.setenv("DARKROOM_UPSTREAM_BASE_URL", f"http://127.0.0.1:{free_port}")
    monkeypatch.setenv("DARKROOM_UPSTREAM_API_KEY", "k")
    assert "can't be reached" in problems("channels")[0]["message"]
    assert problems("channels", "--offline") == []


def test_an_unknown_host_name_is_found(problems: Problems, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_UPSTREAM_BASE_URL", "https://nobody.invalid/v1")
    monkeypatch.setenv("DARKROOM_UPSTREAM_API_KEY", "k")
    assert "nobody.invalid" in problems("channels")[0]["message"]


def test_an_unknown_preset_and_a_missing_key_are_found_without_the_network(
    problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_UPSTREAM_BASE_URL", "https://example.org")
    monkeypatch.setenv("DARKROOM_UPSTREAM_PRESET", "nonsense")
    message = " ".join(problem["message"] for problem in problems("channels", "--offline"))
    assert "nonsense" in message
    assert "has no key" in message
