"""Wait status of a queued job: it agrees with what the dispatcher would do."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from models.api_keys import FROM_SETTINGS
from models.ids import public_id
from models.queries.scheduling.due_jobs import Candidate
from models.queue_status import KeylessCaller, QueuedJob, SchedulerSnapshot, WaitReason, WaitStatus
from worker.scheduler.adaptive_rate import AdaptiveRate
from worker.scheduler.channel_capacity import ChannelCapacity, closed_reason, in_flight_on
from worker.scheduler.circuit_breaker import CircuitBreaker
from worker.scheduler.fair_queue import DispatchRound, Start, caller_share_of
from worker.scheduler.learned_limits import LearnedLimits, LearnedState
from worker.scheduler.wait_reason import SchedulerView

NOW = datetime(2026, 1, 1, 12, 0, 0, 500_000, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
BEFORE, LATER, LATEST = NOW - MINUTE, NOW + MINUTE, NOW + 2 * MINUTE
MIDNIGHT = datetime(2026, 1, 2, tzinfo=UTC)
ME = UUID(int=1)
JOB = QueuedJob(model="gpt", caller_id=ME, not_before=BEFORE, backing_off=False, since=BEFORE)
OPEN = CircuitBreaker(5, BEFORE, LATER, None, "HTTP 502").to_json()
PROBED = CircuitBreaker(5, BEFORE - MINUTE, BEFORE, NOW - SECOND, "HTTP 502").to_json()
HALF_OPEN = CircuitBreaker(5, BEFORE - MINUTE, BEFORE, None, "HTTP 502").to_json()
SLOWED = AdaptiveRate(rate=6.0, resumed=NOW, rest=20.0).to_json()
CROWDED = AdaptiveRate(concurrency=1, crowded=NOW).to_json()


def channel(name: str = "one", **changes: Any) -> Any:
    defaults = {
        **{"id": UUID(bytes=name.ljust(16).encode()), "name": name, "configured": True, "models": ["gpt*"]},
        **{"rpm": None, "concurrency": 2, "tier": 0, "weight": 1.0, "limits": {}, "pace": {}},
        "images_per_call": None,
        **{
            "learned": None,
            "breakers": {},
            "blocked_models": {},
            "learned_models": {},
            "next_start_at": None,
        },
        **{
            "paused_at": None,
            "paused_until": None,
            "paused_reason": None,
            "tripped_at": None,
            "tripped_reason": None,
        },
        **{"draining_at": None, "cooldown_until": None, "cooldown_reason": None},
    }
    return SimpleNamespace(**{**defaults, **changes})


def caller(**changes: Any) -> Any:
    defaults: dict[str, Any] = {
        **{"id": ME, "rpm": None, "concurrency": None, "next_start_at": None, "weight": 1.0, "deficit": 0.0},
        **{"turn": 0, "campaign_turn": "", "priority_turn": 0},
        **{"budget_closed_at": None, "budget_closed_until": None, "budget_closed_detail": None},
    }
    return SimpleNamespace(**{**defaults, **changes})


def calls(count: int, name: str = "one", model: str = "gpt", caller_id: UUID = ME) -> Any:
    key = channel(name).id
    return SimpleNamespace(channel_id=key, model=model, caller_id=caller_id, calls=count)


def _model(
    cooldown_until: datetime | None = None, cooldown_reason: str | None = None, **rate: Any
) -> dict[str, Any]:
    """Return what a channel's row stores of one model."""
    state = LearnedState(AdaptiveRate.from_json(rate), BEFORE, cooldown_until, cooldown_reason, BEFORE)
    stored = LearnedLimits().having("gpt", state, BEFORE).columns()["learned_models"]["gpt"]
    return dict(stored)


def status_of(snapshot: SchedulerSnapshot, job: QueuedJob = JOB, at: datetime = NOW) -> WaitStatus:
    return SchedulerView(snapshot, at).wait_status(job)


def assigned(snapshot: SchedulerSnapshot, job: QueuedJob, at: datetime) -> list[Start]:
    """Return what the dispatcher would start, with this job alone."""
    if job.not_before > at:
        return []
    capacities = [
        ChannelCapacity(row, in_flight_on(row.id, snapshot.calls), at)
        for row in snapshot.channels
        if not closed_reason(row, "", at)
    ]
    caller_share = caller_share_of(
        next((row for row in snapshot.callers if row.id == ME), caller()), snapshot.calls
    )
    slots = max(snapshot.slots - snapshot.slots_used, 0) if snapshot.workers_alive else 0
    candidate = Candidate(UUID(int=9), ME, job.model, 5, "", job.not_before, job.images)
    return DispatchRound([caller_share], capacities, at, slots).assign([candidate], 10 * MINUTE)


CASES: list[tuple[str, SchedulerSnapshot, WaitReason, datetime | None, str]] = [
    ("no channel", SchedulerSnapshot(channels=[]), WaitReason.NO_CHANNEL, None, "gpt"),
    (
        "others only",
        SchedulerSnapshot(channels=[channel(models=["flux"])]),
        WaitReason.NO_CHANNEL,
        None,
        "gpt",
    ),
    ("not used", SchedulerSnapshot(channels=[channel(configured=False)]), WaitReason.NO_CHANNEL, None, "gpt"),
    (
        "paused",
        SchedulerSnapshot(channels=[channel(paused_at=NOW, paused_reason="tea")]),
        WaitReason.PAUSED,
        None,
        "tea",
    ),
    (
        "paused until",
        SchedulerSnapshot(channels=[channel(paused_at=NOW, paused_until=NOW + timedelta(hours=1))]),
        WaitReason.PAUSED,
        NOW + timedelta(hours=1),
        "one is paused",
    ),
    ("draining", SchedulerSnapshot(channels=[channel(draining_at=NOW)]), WaitReason.PAUSED, None, "draining"),
    (
        "tripped",
        SchedulerSnapshot(channels=[channel(tripped_at=NOW, tripped_reason="余额不足")]),
        WaitReason.PAUSED,
        None,
        "余额不足",
    ),
    (
        "blocked",
        SchedulerSnapshot(channels=[channel(blocked_models={"gpt": "no access"})]),
        WaitReason.PAUSED,
        None,
        "no access",
    ),
    (
        "no worker",
        SchedulerSnapshot(channels=[channel()], workers_alive=0, slots=0),
        WaitReason.NO_WORKER,
        None,
        "darkroom work",
    ),
    (
        "cooling",
        SchedulerSnapshot(channels=[channel(cooldown_until=LATER, cooldown_reason="slow down")]),
        *(WaitReason.COOLDOWN, LATER, "slow down"),
    ),
    (
        "the model cools down",
        SchedulerSnapshot(
            channels=[
                channel(learned_models={"gpt": _model(cooldown_until=LATER, cooldown_reason="slow down")})
            ]
        ),
        *(WaitReason.COOLDOWN, LATER, "one cools down for gpt: slow down"),
    ),
    (
        "another model cools down",
        SchedulerSnapshot(channels=[channel(learned_models={"gpt-2": _model(cooldown_until=LATER)})]),
        *(WaitReason.FAIR_SHARE, None, ""),
    ),
    (
        "learned rate of the model",
        SchedulerSnapshot(
            channels=[channel(learned_models={"gpt": _model(**SLOWED)}, pace={"gpt/rpm": LATER.isoformat()})]
        ),
        *(WaitReason.RATE_LIMIT, LATER, "one (gpt): the provider refused faster calls; about 3 a minute"),
    ),
    (
        "learned concurrency of the model",
        SchedulerSnapshot(
            channels=[channel(learned_models={"gpt": _model(**CROWDED)}, concurrency=9)], calls=[calls(1)]
        ),
        *(WaitReason.CONCURRENCY, None, "1 calls of gpt in flight; the provider refused more"),
    ),
    (
        "the first to be warm",
        SchedulerSnapshot(channels=[channel(cooldown_until=LATEST), channel("two", cooldown_until=LATER)]),
        *(WaitReason.COOLDOWN, LATER, "two"),
    ),
    (
        "open breaker",
        SchedulerSnapshot(channels=[channel(breakers={"": OPEN})]),
        WaitReason.COOLDOWN,
        LATER,
        "HTTP 502",
    ),
    (
        "open for it",
        SchedulerSnapshot(channels=[channel(breakers={"gpt": OPEN})]),
        WaitReason.COOLDOWN,
        LATER,
        "(gpt)",
    ),
    (
        "a probe is out",
        SchedulerSnapshot(channels=[channel(breakers={"": PROBED})]),
        WaitReason.COOLDOWN,
        None,
        "tests whether",
    ),
    (
        "a probe is wanted",
        SchedulerSnapshot(channels=[channel(breakers={"": HALF_OPEN})]),
        WaitReason.FAIR_SHARE,
        None,
        "",
    ),
    (
        "open for others",
        SchedulerSnapshot(channels=[channel(breakers={"gpt-2": OPEN})]),
        WaitReason.FAIR_SHARE,
        None,
        "",
    ),
    (
        "per minute",
        SchedulerSnapshot(channels=[channel(rpm=1, next_start_at=LATER)]),
        *(WaitReason.RATE_LIMIT, LATER, "1 calls per minute"),
    ),
    (
        "within a second",
        SchedulerSnapshot(channels=[channel(rpm=1, next_start_at=NOW + SECOND)]),
        WaitReason.FAIR_SHARE,
        None,
        "",
    ),
    (
        "of the model",
        SchedulerSnapshot(
            channels=[channel(limits={"gpt": {"rpm": 3}}, pace={"gpt/rpm": LATER.isoformat()})]
        ),
        *(WaitReason.RATE_LIMIT, LATER, "for gpt: 3 calls per minute"),
    ),
    (
        "per day",
        SchedulerSnapshot(channels=[channel(limits={"": {"rpd": 7}}, pace={"rpd": ["2026-01-01", 7]})]),
        *(WaitReason.RATE_LIMIT, MIDNIGHT, "7 calls per day"),
    ),
    (
        "pictures",
        SchedulerSnapshot(
            channels=[channel(limits={"": {"ipm": 4}}, pace={"ipm": [[int(NOW.timestamp() * 4), 4]]})]
        ),
        *(
            WaitReason.RATE_LIMIT,
            datetime(2026, 1, 1, 12, 1, 1, 250_000, tzinfo=UTC),
            "4 pictures per minute",
        ),
    ),
    (
        "learned rate",
        SchedulerSnapshot(channels=[channel(rpm=60, learned=SLOWED, next_start_at=LATER)]),
        *(WaitReason.RATE_LIMIT, LATER, "refused faster calls; about 3 a minute"),
    ),
    (
        "full",
        SchedulerSnapshot(channels=[channel()], calls=[calls(2)]),
        WaitReason.CONCURRENCY,
        None,
        "2 of 2",
    ),
    (
        "full of it",
        SchedulerSnapshot(channels=[channel(limits={"gpt": {"concurrency": 1}})], calls=[calls(1)]),
        *(WaitReason.CONCURRENCY, None, "1 of 1 calls of gpt"),
    ),
    (
        "learned concurrency",
        SchedulerSnapshot(channels=[channel(learned=CROWDED)], calls=[calls(1)]),
        *(WaitReason.CONCURRENCY, None, "the provider refused more"),
    ),
    (
        "just after a rest",
        SchedulerSnapshot(channels=[channel(concurrency=20, cooldown_until=NOW)], calls=[calls(1)]),
        *(WaitReason.CONCURRENCY, None, "slowly, since it is new, was idle or closed"),
    ),
    (
        "its key's rate",
        SchedulerSnapshot(channels=[channel()], callers=[caller(rpm=2, next_start_at=LATER)]),
        *(WaitReason.RATE_LIMIT, LATER, "Your key's limit of 2 calls per minute"),
    ),
    (
        "its key's calls",
        SchedulerSnapshot(
            channels=[channel(concurrency=9)], calls=[calls(3)], callers=[caller(concurrency=3)]
        ),
        *(WaitReason.CONCURRENCY, None, "Your key's limit of 3"),
    ),
    (
        "no slot",
        SchedulerSnapshot(channels=[channel()], slots=4, slots_used=4),
        WaitReason.CONCURRENCY,
        None,
        "All 4 slots",
    ),
    (
        "the least of several",
        SchedulerSnapshot(channels=[channel(), channel("two", rpm=1, next_start_at=LATER)], calls=[calls(2)]),
        *(WaitReason.CONCURRENCY, None, "one has"),
    ),
    (
        "both at once: the longer",
        SchedulerSnapshot(channels=[channel(rpm=1, next_start_at=LATEST, cooldown_until=LATER)]),
        *(WaitReason.RATE_LIMIT, LATEST, "calls per minute"),
    ),
    (
        "its turn",
        SchedulerSnapshot(channels=[channel(), channel("two", paused_at=NOW)], calls=[calls(1)]),
        *(WaitReason.FAIR_SHARE, None, "turn"),
    ),
]


@pytest.mark.parametrize(
    ("snapshot", "reason", "until", "words"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_the_status_has_its_reason_in_words_and_its_end(
    snapshot: SchedulerSnapshot, reason: WaitReason, until: datetime | None, words: str
) -> None:
    found = status_of(snapshot)
    assert (found.reason, found.next_eligible_at) == (reason, until)
    assert words in found.detail


@pytest.mark.parametrize(
    ("backing_off", "reason"), [(True, WaitReason.BACKOFF), (False, WaitReason.NOT_BEFORE)]
)
def test_a_job_that_is_not_due_says_when_it_is(backing_off: bool, reason: WaitReason) -> None:
    found = status_of(SchedulerSnapshot(channels=[]), replace(JOB, not_before=LATER, backing_off=backing_off))
    assert (found.reason, found.next_eligible_at) == (reason, LATER)


def test_a_stop_shows_since_when_it_holds() -> None:
    assert status_of(SchedulerSnapshot(channels=[channel(tripped_at=LATER)])).since == LATER


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
        learned_models=draw(st.dictionaries(st.sampled_from(["gpt", "flux"]), _MODEL_STATES, max_size=2)),
        breakers=draw(st.dictionaries(st.sampled_from(["", "gpt", "flux"]), BREAKERS, max_size=1)),
        blocked_models=draw(st.sampled_from([{}, {}, {"flux": "no"}, {"gpt": "no"}])),
        **{stop: draw(seldom) for stop in ("paused_at", "tripped_at", "draining_at")},
        cooldown_until=draw(maybe(MOMENTS)),
    )


_DAYS = st.tuples(st.sampled_from(["2025-12-31", "2026-01-01"]), st.integers(0, 3)).map(list)


def _learned(rate: float, at: datetime, busy: int) -> dict[str, Any]:
    return AdaptiveRate(rate=rate, resumed=min(at, NOW), concurrency=busy, crowded=min(at, NOW)).to_json()


_MODEL_STATES = st.builds(
    lambda rate, at, cooldown: _model(cooldown, None, **rate) | {"cooldown_from": at},
    st.builds(_learned, st.floats(1, 50), MOMENTS, st.integers(1, 3)),
    TEXTS,
    maybe(MOMENTS),
)


def snapshots() -> st.SearchStrategy[SchedulerSnapshot]:
    return st.builds(
        SchedulerSnapshot,
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
    QueuedJob,
    model=st.sampled_from(["gpt", "gpt", "flux"]),
    caller_id=st.just(ME),
    not_before=st.sampled_from([BEFORE] * 7 + [LATER]),
    backing_off=st.booleans(),
    since=st.just(BEFORE),
    images=st.integers(1, 4),
)


@given(snapshot=snapshots(), job=JOBS)
def test_a_job_waits_for_its_turn_only_exactly_when_the_dispatcher_would_start_it(
    snapshot: SchedulerSnapshot, job: QueuedJob
) -> None:
    reason = status_of(snapshot, job).reason
    event(reason)
    assert (reason is WaitReason.FAIR_SHARE) == bool(assigned(snapshot, job, NOW))


@given(snapshot=snapshots(), job=JOBS)
def test_at_the_named_time_the_job_starts_or_only_a_call_or_a_person_delays_it(
    snapshot: SchedulerSnapshot, job: QueuedJob
) -> None:
    found = status_of(snapshot, job)
    if found.next_eligible_at is None:
        return
    after = status_of(snapshot, job, found.next_eligible_at)
    event(f"{found.reason} then {after.reason}")
    assert (
        assigned(snapshot, job, found.next_eligible_at)
        or after.reason is not found.reason
        or after.next_eligible_at is None
    )
    if found.reason not in (WaitReason.NOT_BEFORE, WaitReason.BACKOFF):
        assert after.next_eligible_at is None


@given(snapshot=snapshots(), job=JOBS)
def test_when_what_is_named_is_lifted_the_dispatcher_starts_it_or_names_something_else(
    snapshot: SchedulerSnapshot, job: QueuedJob
) -> None:
    found = status_of(snapshot, job)
    lifted = lift(snapshot, job, found)
    if lifted is not None:
        at = found.next_eligible_at or NOW
        after = status_of(lifted, job, at)
        event(f"{found.reason} then {after.reason}")
        assert assigned(lifted, job, at) or after.detail != found.detail


def lift(snapshot: SchedulerSnapshot, job: QueuedJob, found: WaitStatus) -> SchedulerSnapshot | None:
    """Do what the reason asks for."""
    match found.reason:
        case WaitReason.NO_CHANNEL:
            return replace(snapshot, channels=[*snapshot.channels, channel("new", models=[job.model])])
        case WaitReason.PAUSED:
            opened = {"paused_at": None, "tripped_at": None, "draining_at": None, "blocked_models": {}}
            return replace(snapshot, channels=_with(snapshot.channels, opened))
        case WaitReason.NO_WORKER:
            return replace(snapshot, workers_alive=1)
        case WaitReason.CONCURRENCY:
            return replace(snapshot, calls=[], slots_used=0)
        case WaitReason.COOLDOWN if found.next_eligible_at is None:
            return replace(snapshot, channels=_with(snapshot.channels, {"breakers": {}}))
        case WaitReason.FAIR_SHARE:
            return None
    return snapshot


def _with(rows: Sequence[Any], changes: dict[str, Any]) -> list[Any]:
    return [SimpleNamespace(**{**vars(row), **changes}) for row in rows]


@pytest.mark.parametrize(
    ("name", "words"), [("alice", "caller alice has no usable key"), (FROM_SETTINGS, "DARKROOM_API_KEYS")]
)
def test_a_job_of_a_caller_without_a_key_waits_for_a_person_whatever_its_channels_do(
    name: str, words: str
) -> None:
    for channels in ([], [channel()], [channel(cooldown_until=LATER)]):
        snapshot = SchedulerSnapshot(channels=channels, keyless=[KeylessCaller(ME, name, NOW - SECOND)])
        status = status_of(snapshot)
        assert (status.reason, status.since, status.next_eligible_at) == (
            WaitReason.PAUSED,
            NOW - SECOND,
            None,
        )
        assert words in status.detail
        assert f"darkroom keys create NAME --caller {public_id('caller', ME)}" in status.detail
        assert status_of(snapshot, replace(JOB, caller_id=UUID(int=2))).reason is not WaitReason.PAUSED


def test_the_slots_of_a_model_are_those_of_its_open_channels_within_the_workers() -> None:
    rows = [
        channel("one"),
        channel("two", concurrency=5, limits={"gpt": {"concurrency": 3}}, rpm=1.0),
        channel("paused", paused_at=NOW, paused_reason="tea"),
        channel("cooling", cooldown_until=LATER),
        channel("other", models=["flux"]),
    ]
    snapshot = SchedulerSnapshot(channels=rows, calls=[calls(2)], slots=100, slots_used=2)
    assert SchedulerView(snapshot, NOW).slots_for("gpt") == 5
    assert SchedulerView(replace(snapshot, slots=4), NOW).slots_for("gpt") == 4


def test_the_next_in_turn_knows_why_the_broker_wakes_no_worker() -> None:
    snapshot = SchedulerSnapshot(channels=[channel()], broker_error="it refuses user name or password")
    status = SchedulerView(snapshot, NOW).wait_status(JOB)
    assert status.reason is WaitReason.FAIR_SHARE
    assert "the broker is unusable: it refuses user name or password." in status.detail
