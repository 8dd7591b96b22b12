"""Why a queued job does not run yet: what is told is what the gate would do."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from models.queries.scheduling.due_jobs import Candidate
from models.queue_status import Gate, Queued, Reason, Waiting
from worker.scheduler.adaptive_rate import Learned
from worker.scheduler.channel_capacity import Outlet, closed, in_flight_on
from worker.scheduler.circuit_breaker import Breaker
from worker.scheduler.fair_queue import Round, Start, guest_of
from worker.scheduler.wait_reason import Lookout

NOW = datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
BEFORE, LATER, LATEST = NOW - MINUTE, NOW + MINUTE, NOW + 2 * MINUTE
MIDNIGHT = datetime(2026, 1, 2, tzinfo=UTC)
ME = UUID(int=1)
JOB = Queued(model="gpt", caller_id=ME, not_before=BEFORE, backing_off=False, since=BEFORE)
OPEN = Breaker(5, BEFORE, LATER, None, "HTTP 502").to_json()
PROBED = Breaker(5, BEFORE - MINUTE, BEFORE, NOW - SECOND, "HTTP 502").to_json()
HALF_OPEN = Breaker(5, BEFORE - MINUTE, BEFORE, None, "HTTP 502").to_json()
SLOWED = Learned(rate=6.0, resumed=NOW).to_json()
CROWDED = Learned(concurrency=1, crowded=NOW).to_json()


def channel(name: str = "one", **changes: Any) -> Any:
    defaults = {
        **{"id": UUID(bytes=name.ljust(16).encode()), "name": name, "configured": True, "models": ["gpt*"]},
        **{"rpm": None, "concurrency": 2, "tier": 0, "weight": 1.0, "limits": {}, "pace": {}},
        **{"learned": None, "breakers": {}, "blocked_models": {}, "next_start_at": None},
        **{"paused_at": None, "paused_reason": None, "tripped_at": None, "tripped_reason": None},
        **{"draining_at": None, "cooldown_until": None, "cooldown_reason": None},
    }
    return SimpleNamespace(**{**defaults, **changes})


def caller(**changes: Any) -> Any:
    defaults: dict[str, Any] = {
        **{"id": ME, "rpm": None, "concurrency": None, "next_start_at": None, "weight": 1.0, "deficit": 0.0},
        **{"turn": 0, "campaign_turn": "", "priority_turn": 0},
    }
    return SimpleNamespace(**{**defaults, **changes})


def calls(count: int, name: str = "one", model: str = "gpt", caller_id: UUID = ME) -> Any:
    key = channel(name).id
    return SimpleNamespace(channel_id=key, model=model, caller_id=caller_id, calls=count)


def told(gate: Gate, job: Queued = JOB, at: datetime = NOW) -> Waiting:
    return Lookout(gate, at).why(job)


def dealt(gate: Gate, job: Queued, at: datetime) -> list[Start]:
    """Return what the gate would start, with this job alone."""
    if job.not_before > at:
        return []
    outlets = [
        Outlet(row, in_flight_on(row.id, gate.calls), at) for row in gate.channels if not closed(row, at)
    ]
    guest = guest_of(next((row for row in gate.callers if row.id == ME), caller()), gate.calls)
    slots = max(gate.slots - gate.slots_used, 0) if gate.workers_alive else 0
    candidate = Candidate(UUID(int=9), ME, job.model, 5, "", job.not_before, job.pictures)
    return Round([guest], outlets, at, slots).deal([candidate], 10 * MINUTE)


CASES: list[tuple[str, Gate, Reason, datetime | None, str]] = [
    ("no channel", Gate(channels=[]), Reason.NO_CHANNEL, None, "gpt"),
    ("others only", Gate(channels=[channel(models=["flux"])]), Reason.NO_CHANNEL, None, "gpt"),
    ("not used", Gate(channels=[channel(configured=False)]), Reason.NO_CHANNEL, None, "gpt"),
    ("paused", Gate(channels=[channel(paused_at=NOW, paused_reason="tea")]), Reason.PAUSED, None, "tea"),
    ("draining", Gate(channels=[channel(draining_at=NOW)]), Reason.PAUSED, None, "draining"),
    (
        "tripped",
        Gate(channels=[channel(tripped_at=NOW, tripped_reason="余额不足")]),
        Reason.PAUSED,
        None,
        "余额不足",
    ),
    (
        "blocked",
        Gate(channels=[channel(blocked_models={"gpt": "no access"})]),
        Reason.PAUSED,
        None,
        "no access",
    ),
    (
        "no worker",
        Gate(channels=[channel()], workers_alive=0, slots=0),
        Reason.NO_WORKER,
        None,
        "darkroom work",
    ),
    (
        "cooling",
        Gate(channels=[channel(cooldown_until=LATER, cooldown_reason="slow down")]),
        *(Reason.COOLDOWN, LATER, "slow down"),
    ),
    (
        "the first to be warm",
        Gate(channels=[channel(cooldown_until=LATEST), channel("two", cooldown_until=LATER)]),
        *(Reason.COOLDOWN, LATER, "two"),
    ),
    ("open breaker", Gate(channels=[channel(breakers={"": OPEN})]), Reason.COOLDOWN, LATER, "HTTP 502"),
    ("open for it", Gate(channels=[channel(breakers={"gpt": OPEN})]), Reason.COOLDOWN, LATER, "(gpt)"),
    (
        "a probe is out",
        Gate(channels=[channel(breakers={"": PROBED})]),
        Reason.COOLDOWN,
        None,
        "tests whether",
    ),
    ("a probe is wanted", Gate(channels=[channel(breakers={"": HALF_OPEN})]), Reason.FAIR_SHARE, None, ""),
    ("open for others", Gate(channels=[channel(breakers={"gpt-2": OPEN})]), Reason.FAIR_SHARE, None, ""),
    (
        "per minute",
        Gate(channels=[channel(rpm=1, next_start_at=LATER)]),
        *(Reason.RATE_LIMIT, LATER, "1 calls per minute"),
    ),
    (
        "within a second",
        Gate(channels=[channel(rpm=1, next_start_at=NOW + SECOND)]),
        Reason.FAIR_SHARE,
        None,
        "",
    ),
    (
        "of the model",
        Gate(channels=[channel(limits={"gpt": {"rpm": 3}}, pace={"gpt/rpm": LATER.isoformat()})]),
        *(Reason.RATE_LIMIT, LATER, "for gpt: 3 calls per minute"),
    ),
    (
        "per day",
        Gate(channels=[channel(limits={"": {"rpd": 7}}, pace={"rpd": ["2026-01-01", 7]})]),
        *(Reason.RATE_LIMIT, MIDNIGHT, "7 calls per day"),
    ),
    (
        "pictures",
        Gate(channels=[channel(limits={"": {"ipm": 4}}, pace={"ipm": [[int(NOW.timestamp() * 4), 4]]})]),
        *(Reason.RATE_LIMIT, datetime(2026, 1, 1, 12, 1, 1, 250_000, tzinfo=UTC), "4 pictures per minute"),
    ),
    (
        "learned rate",
        Gate(channels=[channel(rpm=60, learned=SLOWED, next_start_at=LATER)]),
        *(Reason.RATE_LIMIT, LATER, "refused faster calls; about 3 a minute"),
    ),
    ("full", Gate(channels=[channel()], calls=[calls(2)]), Reason.CONCURRENCY, None, "2 of 2"),
    (
        "full of it",
        Gate(channels=[channel(limits={"gpt": {"concurrency": 1}})], calls=[calls(1)]),
        *(Reason.CONCURRENCY, None, "1 of 1 calls of gpt"),
    ),
    (
        "learned concurrency",
        Gate(channels=[channel(learned=CROWDED)], calls=[calls(1)]),
        *(Reason.CONCURRENCY, None, "the provider refused more"),
    ),
    (
        "just after a rest",
        Gate(channels=[channel(concurrency=20, cooldown_until=NOW)], calls=[calls(1)]),
        *(Reason.CONCURRENCY, None, "slowly, since it is new, was idle or shut"),
    ),
    (
        "its key's rate",
        Gate(channels=[channel()], callers=[caller(rpm=2, next_start_at=LATER)]),
        *(Reason.RATE_LIMIT, LATER, "Your key's limit of 2 calls per minute"),
    ),
    (
        "its key's calls",
        Gate(channels=[channel(concurrency=9)], calls=[calls(3)], callers=[caller(concurrency=3)]),
        *(Reason.CONCURRENCY, None, "Your key's limit of 3"),
    ),
    ("no slot", Gate(channels=[channel()], slots=4, slots_used=4), Reason.CONCURRENCY, None, "All 4 slots"),
    (
        "the least of several",
        Gate(channels=[channel(), channel("two", rpm=1, next_start_at=LATER)], calls=[calls(2)]),
        *(Reason.CONCURRENCY, None, "one has"),
    ),
    (
        "both at once: the longer",
        Gate(channels=[channel(rpm=1, next_start_at=LATEST, cooldown_until=LATER)]),
        *(Reason.RATE_LIMIT, LATEST, "calls per minute"),
    ),
    (
        "its turn",
        Gate(channels=[channel(), channel("two", paused_at=NOW)], calls=[calls(1)]),
        *(Reason.FAIR_SHARE, None, "turn"),
    ),
]


@pytest.mark.parametrize(
    ("gate", "reason", "until", "words"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_the_reason_is_told_in_words_and_with_its_end(
    gate: Gate, reason: Reason, until: datetime | None, words: str
) -> None:
    found = told(gate)
    assert (found.reason, found.next_eligible_at) == (reason, until)
    assert words in found.detail


@pytest.mark.parametrize(("backing_off", "reason"), [(True, Reason.BACKOFF), (False, Reason.NOT_BEFORE)])
def test_a_job_that_is_not_due_says_when_it_is(backing_off: bool, reason: Reason) -> None:
    found = told(Gate(channels=[]), replace(JOB, not_before=LATER, backing_off=backing_off))
    assert (found.reason, found.next_eligible_at) == (reason, LATER)


def test_a_stop_is_told_since_when_it_was_made() -> None:
    assert told(Gate(channels=[channel(tripped_at=LATER)])).since == LATER


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


MOMENTS = st.integers(-180, 400).map(lambda seconds: NOW + timedelta(seconds=seconds / 2))
TEXTS = MOMENTS.map(datetime.isoformat)
QUARTERS = st.lists(
    st.tuples(st.integers(0, 300), st.integers(1, 5)).map(
        lambda pair: [int(NOW.timestamp() * 4) - pair[0], pair[1]]
    )
)
LIMITS = st.fixed_dictionaries(
    {}, optional={"rps": st.just(0.5), "rpd": st.integers(1, 3), "ipm": st.integers(1, 12)}
)
BREAKERS = st.sampled_from([OPEN, PROBED, HALF_OPEN])


@st.composite
def channels(draw: st.DrawFn, name: str) -> Any:
    """A channel in any state, more often open than not."""
    whole, own = (
        draw(LIMITS),
        draw(LIMITS | st.fixed_dictionaries({"rpm": st.just(4), "concurrency": st.just(2)})),
    )
    pace = {
        f"{prefix}{kind}": state
        for prefix, limits in (("", whole), ("gpt/", own))
        for kind in limits
        if (state := draw({"rpd": _DAYS, "ipm": QUARTERS.map(sorted)}.get(kind, maybe(TEXTS)))) is not None
    }
    seldom = st.sampled_from([None] * 11 + [NOW])
    return channel(
        name,
        models=draw(st.sampled_from([["gpt*"], ["*"], ["*"], ["gpt"], ["flux"]])),
        concurrency=draw(st.integers(1, 3)),
        rpm=draw(maybe(st.sampled_from([1, 6, 60]))),
        next_start_at=draw(maybe(MOMENTS)),
        limits={"": {**whole, "burst": draw(st.integers(1, 3))}, "gpt": own},
        pace=pace,
        learned=draw(maybe(st.builds(_learned, st.floats(1, 50), MOMENTS, st.integers(1, 3)))),
        breakers=draw(st.dictionaries(st.sampled_from(["", "gpt", "flux"]), BREAKERS, max_size=1)),
        blocked_models=draw(st.sampled_from([{}, {}, {"flux": "no"}, {"gpt": "no"}])),
        **{stop: draw(seldom) for stop in ("paused_at", "tripped_at", "draining_at")},
        cooldown_until=draw(maybe(MOMENTS)),
    )


_DAYS = st.tuples(st.sampled_from(["2025-12-31", "2026-01-01"]), st.integers(0, 3)).map(list)


def _learned(rate: float, at: datetime, busy: int) -> dict[str, Any]:
    return Learned(rate=rate, resumed=min(at, NOW), concurrency=busy, crowded=min(at, NOW)).to_json()


def gates() -> st.SearchStrategy[Gate]:
    return st.builds(
        Gate,
        channels=st.tuples(channels("one"), channels("two")).map(list),
        calls=st.lists(
            st.builds(
                calls,
                st.integers(1, 3),
                st.sampled_from(["one", "two"]),
                st.sampled_from(["gpt", "flux"]),
                st.sampled_from([ME, UUID(int=2)]),
            ),
            max_size=2,
        ),
        callers=st.lists(
            st.builds(
                caller,
                rpm=maybe(st.sampled_from([2, 30])),
                concurrency=maybe(st.integers(1, 4)),
                next_start_at=maybe(MOMENTS),
            ),
            max_size=1,
        ),
        workers_alive=st.sampled_from([1] * 9 + [0]),
        slots=st.just(5),
        slots_used=st.sampled_from([0] * 9 + [5]),
    )


JOBS = st.builds(
    Queued,
    model=st.sampled_from(["gpt", "gpt", "flux"]),
    caller_id=st.just(ME),
    not_before=st.sampled_from([BEFORE] * 7 + [LATER]),
    backing_off=st.booleans(),
    since=st.just(BEFORE),
    pictures=st.integers(1, 4),
)


@given(gate=gates(), job=JOBS)
def test_a_job_waits_for_its_turn_only_exactly_when_the_gate_would_start_it(gate: Gate, job: Queued) -> None:
    reason = told(gate, job).reason
    event(reason)
    assert (reason is Reason.FAIR_SHARE) == bool(dealt(gate, job, NOW))


@given(gate=gates(), job=JOBS)
def test_at_the_time_that_is_named_the_gate_starts_it_or_only_a_call_or_a_person_is_in_the_way(
    gate: Gate, job: Queued
) -> None:
    found = told(gate, job)
    if found.next_eligible_at is None:
        return
    after = told(gate, job, found.next_eligible_at)
    event(f"{found.reason} then {after.reason}")
    assert (
        dealt(gate, job, found.next_eligible_at)
        or after.reason is not found.reason
        or after.next_eligible_at is None
    )
    if found.reason not in (Reason.NOT_BEFORE, Reason.BACKOFF):
        assert after.next_eligible_at is None


@given(gate=gates(), job=JOBS)
def test_when_what_is_named_is_lifted_the_gate_starts_it_or_names_something_else(
    gate: Gate, job: Queued
) -> None:
    found = told(gate, job)
    lifted = lift(gate, job, found)
    if lifted is not None:
        at = found.next_eligible_at or NOW
        after = told(lifted, job, at)
        event(f"{found.reason} then {after.reason}")
        assert dealt(lifted, job, at) or after.detail != found.detail


def lift(gate: Gate, job: Queued, found: Waiting) -> Gate | None:
    """Do what the reason asks for."""
    match found.reason:
        case Reason.NO_CHANNEL:
            return replace(gate, channels=[*gate.channels, channel("new", models=[job.model])])
        case Reason.PAUSED:
            opened = {"paused_at": None, "tripped_at": None, "draining_at": None, "blocked_models": {}}
            return replace(gate, channels=_with(gate.channels, opened))
        case Reason.NO_WORKER:
            return replace(gate, workers_alive=1)
        case Reason.CONCURRENCY:
            return replace(gate, calls=[], slots_used=0)
        case Reason.COOLDOWN if found.next_eligible_at is None:
            return replace(gate, channels=_with(gate.channels, {"breakers": {}}))
        case Reason.FAIR_SHARE:
            return None
    return gate


def _with(rows: Sequence[Any], changes: dict[str, Any]) -> list[Any]:
    return [SimpleNamespace(**{**vars(row), **changes}) for row in rows]
