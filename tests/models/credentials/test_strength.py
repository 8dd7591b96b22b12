"""Which secrets are refused."""

import secrets

import pytest

from models.api_keys import new_key
from models.credentials.strength import (
    CALLER_KEY,
    PROVIDER_KEY,
    SECRET_KEY,
    is_placeholder,
    weak_passwords,
    weakness,
)

PLACEHOLDERS = (
    "put-a-long-random-key-here",
    "another-long-random-key",
    "put-the-providers-key-here",
    "darkroom-secret",
    "change-me",
    "CHANGEME",
    "changeme-changeme-changeme",
    "replace_me_with_a_key",
    "your-api-key",
    "YOUR_API_KEY_HERE",
    "sk-your-key",
    "sk-xxxxxxxxxxxxxxxxxxxx",
    "xxxxxxxxxxxxxxxxxxxx",
    "<the provider's key>",
    "sk-…",
    "sk-...",
    "${PROVIDER_KEY}",
    "example-key-0123456789",
    "a_very_long_secret_key",
    "password1234",
    "minioadmin",
    "placeholder-0123456789abcdef",
)


@pytest.mark.parametrize("value", PLACEHOLDERS)
def test_a_placeholder_is_refused_however_long_it_is(value: str) -> None:
    assert is_placeholder(value)
    assert weakness(value, least=1) == "is a placeholder, not a secret"


@pytest.mark.parametrize(
    "value",
    [
        "a" * 40,
        "0123456789abcdef",
        "0123456789abcdefghijklmnopqrstuvwxyz",
        "zyxwvutsrqponmlkjihgfedcba",
        "k7k7k7k7k7k7k7k7k7k7",
        "q8Zr5tQq8Zr5tQq8Zr5tQq8Zr5tQ",
    ],
)
def test_a_long_value_that_is_easy_to_guess_is_refused(value: str) -> None:
    assert "easy to guess" in (weakness(value, least=CALLER_KEY) or "")


def test_a_short_value_is_refused_with_both_numbers() -> None:
    assert weakness("q8Zr5tQ", least=PROVIDER_KEY) == "has 7 characters; it needs at least 8"


def test_random_values_are_accepted() -> None:
    makers = (
        new_key,
        lambda: secrets.token_hex(32),
        lambda: secrets.token_urlsafe(32),
        lambda: secrets.token_hex(24),
    )
    for _ in range(2000):
        for make in makers:
            assert weakness(make(), least=SECRET_KEY) is None


@pytest.mark.parametrize("value", ["practice", "correct-horse-battery-staple", "sk-proj-Ab9dK2mQx7Lp0Vt4Zw"])
def test_words_that_nobody_writes_as_a_placeholder_are_accepted(value: str) -> None:
    assert weakness(value, least=PROVIDER_KEY) is None


def test_a_reason_never_repeats_the_secret() -> None:
    for value in (*PLACEHOLDERS, "q8Zr5tQ", "k7k7k7k7k7k7k7k7k7k7"):
        assert value not in (weakness(value, least=16) or "")


@pytest.mark.parametrize(
    ("url", "weak"),
    [
        ("postgresql://darkroom:darkroom@postgres/darkroom", ["is the user's name"]),
        ("redis://:short1@redis:6379/0", ["has 6 characters; it needs at least 16"]),
        ("redis://:change%2Dme@redis:6379/0", ["is a placeholder, not a secret"]),
        ("redis://redis:6379/0", []),
        ("sqlite:///darkroom.db", []),
        ("redis://[", []),
        ("redis://:6063089f584654150c0574d67d55cafdf3469bf69aaa36aa@redis:6379/0", []),
    ],
)
def test_the_password_of_a_url_is_judged_as_well(url: str, weak: list[str]) -> None:
    assert list(weak_passwords(url)) == weak
