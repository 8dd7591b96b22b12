"""API keys: what is stored of them, and their state at a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.api_keys import ApiKey, KeyState, Role, hash_key, hint_of, new_key
from models.ids import new_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KEY = ApiKey(
    id=new_id(),
    name="laptop",
    key_hint="dk_abcd…wxyz",
    role=Role.USER,
    created_at=NOW,
    expires_at=None,
    last_used_at=None,
    revoked_at=None,
    removed_at=None,
    caller_id=new_id(),
    caller="alice",
    rpm=None,
    concurrency=None,
    max_queued=None,
    weight=1.0,
)


def test_a_hash_and_a_hint_do_not_contain_the_key() -> None:
    key = new_key()
    assert key.startswith("dk_")
    assert len(hash_key(key)) == 32
    assert hint_of(key) == f"{key[:7]}…{key[-4:]}"
    assert hint_of("short") == "sho…"


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, KeyState.READY),
        ({"expires_at": NOW + SECOND}, KeyState.READY),
        ({"expires_at": NOW}, KeyState.EXPIRED),
        ({"removed_at": NOW}, KeyState.REMOVED),
        ({"revoked_at": NOW, "removed_at": NOW, "expires_at": NOW}, KeyState.REVOKED),
    ],
)
def test_a_key_is_ready_until_it_expires_is_removed_from_the_settings_or_revoked(
    changes: dict[str, Any], state: KeyState
) -> None:
    assert replace(KEY, **changes).state(NOW) is state
