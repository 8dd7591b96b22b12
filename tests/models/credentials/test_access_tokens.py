"""Access tokens: signed with the hash of their key."""

from datetime import UTC, datetime

import pytest

from models.credentials.access_tokens import PREFIX, AccessToken, parse_token
from models.ids import new_id

TOKEN = AccessToken(new_id(), datetime(2026, 1, 1, tzinfo=UTC))
HASH = b"h" * 32


def test_a_token_says_its_key_and_its_end() -> None:
    text = TOKEN.sign(HASH)
    assert text.startswith(PREFIX)
    assert parse_token(text) == TOKEN
    assert TOKEN.is_signed(text, HASH)


def test_a_token_that_was_changed_or_signed_with_another_key_is_not_signed() -> None:
    text = TOKEN.sign(HASH)
    for index in (5, 30, 70):
        changed = text[:index] + ("A" if text[index] != "A" else "B") + text[index + 1 :]
        parsed = parse_token(changed)
        assert parsed is None or not parsed.is_signed(changed, HASH)
    assert not TOKEN.is_signed(text, b"x" * 32)


@pytest.mark.parametrize(
    "text", ["", "dk_key", PREFIX, PREFIX + "A" * 20, PREFIX + "é" * 76, PREFIX + "/" * 75]
)
def test_what_is_no_token_is_not_parsed(text: str) -> None:
    assert parse_token(text) is None


def test_a_time_beyond_all_calendars_is_no_token() -> None:
    text = TOKEN.sign(HASH)
    assert parse_token(text[:26] + "_" * 10 + text[36:]) is None
