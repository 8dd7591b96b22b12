"""Eight jobs of a campaign always fail: they close no channel, and delay nothing but themselves."""

import random
from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from models.outcomes import CallResult, Outcome
from models.queries.attempts import EndedCall
from models.queries.scheduling.due_jobs import Candidate
from models.retry.decision import AttemptCount, Retry, decide
from models.states import OnUnknown
from tests.worker.scheduler.behaviour.test_refusal_bursts import CALLER, NOW, SECOND, channel
from worker.scheduler.channel_capacity import ChannelCapacity, InFlight
from worker.scheduler.circuit_breaker import CircuitBreaker, FailingJobs
from worker.scheduler.fair_queue import CallerShare, DispatchRound
from worker.scheduler.rate_limiter import RateLimiter

GOOD, POISON, TRIES = 1_980, 8, 9
FAILED = CallResult(Outcome.RETRY, "upstream_error")


@dataclass
class Campaign:
    """Jobs on one channel that takes 60 calls at once; good ones take a second, poison fails at once."""

    poison: set[UUID]
    waiting: list[Candidate]
    row: Any = field(default_factory=lambda: channel(concurrency=60))
    now: datetime = NOW
    calls: deque[EndedCall] = field(default_factory=lambda: deque(maxlen=500))
    running: list[tuple[datetime, Candidate]] = field(default_factory=list)
    tries: defaultdict[UUID, int] = field(default_factory=lambda: defaultdict(int))
    ended: dict[UUID, datetime] = field(default_factory=dict)
    opened: int = 0
    luck: random.Random = field(default_factory=lambda: random.Random(7))

    def step(self) -> None:
        """Run a dispatch round, half a second after the one before."""
        self.now += SECOND / 2
        for at, job in [each for each in self.running if each[0] <= self.now]:
            self.running.remove((at, job))
            self._end(job)
        capacity = ChannelCapacity(self.row, InFlight({"m": len(self.running)}), self.now)
        due = [job for job in self.waiting if job.due_at <= self.now]
        ready = sorted(due, key=lambda job: job.due_at)[: 60 + capacity.backfill("m")]
        share = CallerShare(CALLER, RateLimiter([]))
        starts = DispatchRound([share], [capacity], self.now, 60).assign(ready, timedelta(minutes=10))
        for name, value in capacity.changes().items():
            setattr(self.row, name, value)
        for start in starts:
            self.waiting.remove(start.job)
            length = SECOND / 10 if start.job.job_id in self.poison else SECOND
            self.running.append((start.at + length, start.job))

    def _end(self, job: Candidate) -> None:
        if job.job_id not in self.poison:
            self.calls.append(EndedCall(job.job_id, "m", self.now, failed=False))
            self.row.breakers = {}
            self.ended[job.job_id] = self.now
            return
        self.tries[job.job_id] += 1
        tries = self.tries[job.job_id]
        self.calls.append(EndedCall(job.job_id, "m", self.now, failed=True, failed_before=tries > 1))
        breaker = CircuitBreaker.from_json(self.row.breakers.get("m"))
        failing = FailingJobs.among(self.calls, self.now)
        failed = breaker.with_failure(self.now, "HTTP 500", failing, again=tries > 1)
        self.opened += failed.until != breaker.until
        self.row.breakers = {"m": failed.to_json()}
        decision = decide(
            FAILED,
            AttemptCount(tries, TRIES, same_outcome=tries, calls=tries),
            on_unknown=OnUnknown.HOLD,
            jitter=self.luck.random,
        )
        if isinstance(decision, Retry):
            due = self.now + decision.after
            self.waiting.append(replace(job, due_at=due, avoid=self.row.id))
        else:
            self.ended[job.job_id] = self.now


def jobs(count: int, first: int = 0) -> list[Candidate]:
    return [Candidate(UUID(int=n), CALLER, "m", 5, "", NOW) for n in range(first, first + count)]


def campaign(*, adjacent: bool) -> Campaign:
    all_jobs = jobs(GOOD + POISON)
    poison = all_jobs[900 : 900 + POISON] if adjacent else all_jobs[:: len(all_jobs) // POISON][:POISON]
    return Campaign({job.job_id for job in poison}, all_jobs)


def test_a_campaign_with_poison_jobs_goes_on_as_if_there_were_none() -> None:
    for adjacent in (False, True):
        made = campaign(adjacent=adjacent)
        while len([job for job in made.ended if job not in made.poison]) < GOOD:
            made.step()
        assert made.opened == 0
        assert made.now - NOW < 75 * SECOND  # 1,980 calls of up to 1.5 s, 60 at once, after a slow start


def test_a_job_beside_poison_jobs_that_are_tried_again_and_again_starts_at_once() -> None:
    made = campaign(adjacent=False)
    while len([job for job in made.ended if job not in made.poison]) < GOOD:
        made.step()
    (late,) = jobs(1, first=9_000)
    made.waiting.append(replace(late, due_at=made.now))
    asked = made.now
    while late.job_id not in made.ended:
        made.step()
    assert made.now - asked <= 2 * SECOND
    assert made.opened == 0


def test_a_job_beside_poison_jobs_alone_waits_for_one_short_pause_at_most() -> None:
    """Nothing has succeeded for a while, so the breaker opens; it is probed with the job that is new."""
    made = Campaign({job.job_id for job in jobs(POISON)}, jobs(POISON))
    for _ in range(240):
        made.step()
    (late,) = jobs(1, first=9_000)
    made.waiting.append(replace(late, due_at=made.now))
    asked = made.now
    while late.job_id not in made.ended:
        made.step()
    assert made.now - asked <= 20 * SECOND
    assert made.row.breakers == {}
