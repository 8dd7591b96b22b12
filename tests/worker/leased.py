"""A leased job for tests that need no database."""

from datetime import UTC, datetime
from typing import Any

from models.ids import new_id
from models.queries.leases import LeasedJob
from models.states import JobStatus, OnUnknown

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def leased_job(**values: Any) -> LeasedJob:
    """Return a leased job with these values."""
    usual = {
        "id": new_id(),
        "caller_id": new_id(),
        "status": JobStatus.LEASED,
        "generation": 1,
        "model": "practice-image",
        "prompt": "a cat",
        "request": {"images": [], "params": {}},
        "max_attempts": 3,
        "attempts_used": 0,
        "on_unknown": OnUnknown.HOLD,
        "store_tries": 0,
        "channel_id": new_id(),
        "worker_id": new_id(),
        "lease_token": new_id(),
        "start_at": NOW,
        "started_at": None,
        "expires_at": None,
        "progress": 0,
        "answer": None,
        "retry": None,
        "campaign_retry": None,
        "channel": "one",
        "channel_rpm": None,
        "channel_limits": {},
        "caller_rpm": None,
        "stored": 0,
        "next_number": 1,
    }
    return LeasedJob(**{**usual, **values})
