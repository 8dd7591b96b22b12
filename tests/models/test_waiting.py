"""Why a queued job does not run yet."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.waiting import ChannelState, Gate, Queued, Reason, waiting

AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
BEFORE, LATER, LATEST = AT - timedelta(minutes=1), AT + timedelta(minutes=1), AT + timedelta(minutes=2)
JOB = Queued("gpt", not_before=BEFORE, backing_off=False, since=BEFORE)


def channel(name: str = "one", **changes: Any) -> ChannelState:
    return ChannelState(**{"name": name, "models": ("gpt*",), "concurrency": 2} | changes)


CASES: list[tuple[Queued, list[ChannelState], int, Reason, datetime | None]] = [
    (Queued("gpt", LATER, False, AT), [], 0, Reason.NOT_BEFORE, LATER),
    (Queued("gpt", LATER, True, AT), [], 0, Reason.BACKOFF, LATER),
    (JOB, [], 0, Reason.NO_CHANNEL, None),
    (JOB, [channel(models=("other",))], 0, Reason.NO_CHANNEL, None),
    (JOB, [channel(paused_at=AT)], 0, Reason.PAUSED, None),
    (JOB, [channel(tripped_at=AT)], 0, Reason.PAUSED, None),
    (JOB, [channel(blocked_models={"gpt": "no"})], 0, Reason.PAUSED, None),
    (JOB, [channel(blocked_models={"gpt-2": "no"})], 0, Reason.NO_WORKER, None),
    (JOB, [channel(cooldown_until=LATER)], 0, Reason.NO_WORKER, None),
    (JOB, [channel(cooldown_until=LATER)], 1, Reason.COOLDOWN, LATER),
    (JOB, [channel(cooldown_until=LATEST), channel(cooldown_until=LATER)], 1, Reason.COOLDOWN, LATER),
    (JOB, [channel(cooldown_until=BEFORE)], 1, Reason.FAIR_SHARE, None),
    (JOB, [channel(next_start_at=LATER)], 1, Reason.RATE_LIMIT, LATER),
    (JOB, [channel(next_start_at=LATER), channel(cooldown_until=LATEST)], 1, Reason.RATE_LIMIT, LATER),
    (JOB, [channel(in_flight=2)], 1, Reason.CONCURRENCY, None),
    (JOB, [channel(in_flight=2), channel(paused_at=AT)], 1, Reason.CONCURRENCY, None),
    (JOB, [channel(in_flight=1)], 1, Reason.FAIR_SHARE, None),
]


@pytest.mark.parametrize(("job", "channels", "alive", "reason", "until"), CASES)
def test_the_first_hindrance_is_told(
    job: Queued, channels: list[ChannelState], alive: int, reason: Reason, until: datetime | None
) -> None:
    told = waiting(job, Gate(channels, alive), AT)
    assert (told.reason, told.next_eligible_at) == (reason, until)
    assert told.detail


def test_a_stopped_channel_is_told_in_the_providers_words() -> None:
    told = waiting(JOB, Gate([channel(tripped_at=LATER, tripped_reason="余额不足")], 1), AT)
    assert "余额不足" in told.detail
    assert told.since == LATER
