"""After an outage jobs start spread over time: by their backoff, and by the scheduler."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from models.outcomes import CallResult, ErrorCode, Outcome
from models.queries.attempts import SentCall
from models.queries.scheduling.due_jobs import Candidate
from models.retry.decision import AttemptCount, Retry, decide
from models.states import OnUnknown
from worker.scheduler.adaptive_rate import AdaptiveRate, after_rate_limit
from worker.scheduler.channel_capacity import RAMP, ChannelCapacity, InFlight, closed_reason, slow_start
from worker.scheduler.fair_queue import CallerShare, DispatchRound
from worker.scheduler.rate_limiter import RateLimiter

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND, CALLER = timedelta(seconds=1), UUID(int=1)
JOBS = 1_000
UNEVEN = 2.0  # times the mean: what any second may hold at most


def comes_back(code: ErrorCode, *, failures: int = 1, retry_after: float | None = None) -> list[datetime]:
    """Let a thousand jobs fail within one second; return when each of them is due again."""
    chance = random.Random(7)
    said = None if retry_after is None else retry_after * SECOND
    due = []
    for number in range(JOBS):
        decision = decide(
            CallResult(Outcome.RETRY, code, retry_after=said),
            AttemptCount(1, 9, same_outcome=failures, calls=failures),
            on_unknown=OnUnknown.HOLD,
            jitter=chance.random,
        )
        assert isinstance(decision, Retry)
        due.append(NOW + number / JOBS * SECOND + decision.after)
    return due


def busiest(starts: Sequence[datetime]) -> int:
    """Return the number of starts in the fullest second, wherever it begins."""
    ordered, first, most = sorted(starts), 0, 0
    for last, start in enumerate(ordered):
        while start - ordered[first] >= SECOND:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.parametrize(
    ("code", "failures", "retry_after", "window"),
    [
        ("upstream_error", 1, None, 2),
        ("upstream_error", 2, None, 4),
        ("connect_error", 5, None, 32),
        ("maintenance", 1, None, 30),
        ("upstream_error", 1, 1, 2),
        ("upstream_error", 1, 30, 7.5),
        ("rate_limited", 1, 60, 15),
        ("rate_limited", 6, 10, 64),
        ("daily_limit", 1, 6 * 3600, 300),
    ],
)
def test_jobs_that_fail_together_do_not_come_back_together(
    code: ErrorCode, failures: int, retry_after: float | None, window: float
) -> None:
    due = comes_back(code, failures=failures, retry_after=retry_after)
    assert busiest(due) <= UNEVEN * JOBS / (window + 1) + 5  # few jobs a second fall unevenly by chance
    assert min(due) >= NOW + (retry_after or 0) * SECOND


def channel(**values: Any) -> Any:
    return SimpleNamespace(
        **{
            **{"id": UUID(int=9), "name": "one", "configured": True, "models": ["*"], "rpm": None},
            **{"concurrency": 200, "tier": 0, "weight": 1.0, "limits": {}, "pace": {}, "learned": None},
            "images_per_call": None,
            **{
                "breakers": {},
                "blocked_models": {},
                "learned_models": {},
                "next_start_at": None,
                "paused_at": None,
            },
            **{
                "tripped_at": None,
                "draining_at": None,
                "cooldown_until": None,
                "paused_reason": None,
                "paused_until": None,
            },
            **{"tripped_reason": None, "cooldown_reason": None, **values},
        }
    )


def drain(row: Any, due: Sequence[datetime], *, call: timedelta) -> list[datetime]:
    """Run rounds, two a second, until all jobs have started; return their starts."""
    waiting = [Candidate(UUID(int=n), CALLER, "m", 5, "", at) for n, at in enumerate(sorted(due))]
    now, running, starts = NOW, list[datetime](), list[datetime]()
    caller_share = CallerShare(CALLER, RateLimiter([]))
    while waiting:
        now += 0.5 * SECOND
        running = [start for start in running if start + call > now]
        if closed_reason(row, "", now):
            continue
        capacity = ChannelCapacity(row, InFlight({"m": len(running)}), now)
        ready = [job for job in waiting if job.due_at <= now][:200]
        assigned = DispatchRound([caller_share], [capacity], now, 200).assign(ready, timedelta(minutes=10))
        for name, value in capacity.changes().items():
            setattr(row, name, value)
        begun = {start.job.job_id for start in assigned}
        waiting = [job for job in waiting if job.job_id not in begun]
        running += [start.at for start in assigned]
        starts += [start.at for start in assigned]
    return starts


def test_a_channel_that_opens_again_is_not_met_by_all_that_waited_at_once() -> None:
    opened = NOW + 20 * SECOND
    starts = drain(channel(cooldown_until=opened), comes_back("upstream_error"), call=2 * SECOND)
    mean = JOBS / (max(starts) - opened).total_seconds()
    assert busiest(starts) <= UNEVEN * mean
    assert max(Counter(starts).values()) <= 60  # of 200 at one instant
    assert max(starts) - opened <= 10 * SECOND + RAMP  # 200 calls of 2 s at once make 100 a second


def test_a_channel_with_a_learned_rate_is_met_at_this_rate() -> None:
    sent = [SentCall(NOW - 59 * SECOND * (600 - n) / 600, refused=n == 600) for n in range(601)]
    known = after_rate_limit(AdaptiveRate(), NOW, None, sent, 20 * SECOND).rate
    row = channel(cooldown_until=known.resumed, learned=known.to_json())
    due = comes_back("rate_limited", retry_after=20)
    starts = drain(row, due, call=2 * SECOND)
    mean = JOBS / (max(starts) - min(starts)).total_seconds()
    assert busiest(starts) <= UNEVEN * mean
    assert min(starts) >= NOW + 20 * SECOND


def test_the_calls_in_flight_grow_from_one_to_all_within_the_ramp() -> None:
    rooms = [slow_start(NOW, NOW + RAMP * part / 4, 100) for part in (-1, 0, 1, 2, 4)]
    assert rooms == [1, 1, 25, 50, 100]
    assert slow_start(None, NOW, 100) == 100


def test_a_channel_with_a_rate_limit_needs_no_ramp() -> None:
    row = channel(rpm=60.0, cooldown_until=NOW)
    assert ChannelCapacity(row, InFlight(), NOW).headroom("m") == 200
    row.rpm = None
    assert ChannelCapacity(row, InFlight(), NOW).headroom("m") == 1
