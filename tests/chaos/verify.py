"""Verification: compare the provider's ledger, the database and the storage. Pure, over values."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from models.outcomes import UNKNOWN, Outcome
from models.states import FINAL, JobStatus
from tests.chaos.facts import Facts, Row
from tests.support.practice import Call
from worker.tasks.polling import WORKER_LOST

_RETRYABLE = frozenset({Outcome.RETRY, Outcome.NO_IMAGE, Outcome.NEEDS_HUMAN})
_RETRIES_OF_UNKNOWN = {"retry": 1000, "retry_once": 1, "hold": 0, "fail": 0}
_SLACK = timedelta(seconds=0.5)  # between a fault and its recorded time
_OLDEST_HEARTBEAT = 15.0  # seconds, of a busy worker; clocks are stepped by more
_SIGNED = re.compile(r"data:image|://[^\s\"]*\?[^…\s\"]|://[^\s/\"]+:[^\s/\"]+@|/assets/[A-Za-z0-9_-]{16}")
_OF_ATTEMPTS = ("a channel's call failed", "a provider was polled", "a picture could not be stored")
Pair = tuple[UUID, int]  # a job and the number of one of its calls


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of the verification. A run passes without violations."""

    violations: Sequence[str]
    lost: int  #: accepted jobs that did not end
    doubled: int  #: jobs with two results
    repeated: int  #: calls of unknown outcome that were repeated
    crashed: int  #: of these, calls repeated because of an outage of their worker
    late: int  #: of these, calls repeated because a busy worker's heartbeat was too late
    in_flight: int  #: calls in flight on workers at their outages
    stall: float  #: longest time without an event while jobs were open, in seconds


def compare(facts: Facts) -> Finding:
    """Return all violations, and the counts."""
    calls = _by_attempt(facts.calls)
    unended = [*_unended(facts)]
    doubled = [*_doubled(facts)]
    in_flight = _in_flight(facts)
    given_up = in_flight | _reclaimed(facts)
    repeated = [*_repeated(facts, calls, given_up)]
    crashed = in_flight.intersection(repeated)
    violations = [
        *unended,
        *doubled,
        *_unexplained(facts, calls, given_up),
        *_wrong_pictures(facts),
        *_leases_left(facts),
        *_event_gaps(facts),
        *_wrong_attempts(facts, calls),
        *_unexplained_unknown(facts, calls, given_up),
        *_api_errors(facts),
        *_wrong_clocks(facts),
        *_lines_that_show_too_much(facts),
        *_lines_without_context(facts),
    ]
    late = len((given_up - in_flight).intersection(repeated))
    counts = len(unended), len(doubled), len(repeated), len(crashed), late, len(in_flight)
    return Finding(violations, *counts, stall=_stall(facts.events))


def _by_attempt(calls: Sequence[Call]) -> Mapping[Pair, Sequence[Call]]:
    """Return the provider's calls by attempt, found by their idempotency keys."""
    found: defaultdict[Pair, list[Call]] = defaultdict(list)
    for call in calls:
        job, _, number = (call.idempotency_key or "").rpartition("-")
        found[UUID(job), int(number)].append(call)
    return found


def _unended(facts: Facts) -> Iterator[str]:
    status = {row["id"]: JobStatus(row["status"]) for row in facts.jobs}
    for job_id in facts.prompts:
        if (now := status.get(job_id)) not in FINAL:
            yield f"job {job_id} did not end: {now}"
    for job_id in status.keys() - facts.prompts.keys():
        yield f"job {job_id} was made twice of one submit"


def _doubled(facts: Facts) -> Iterator[str]:
    assets: defaultdict[UUID, list[Row]] = defaultdict(list)
    for row in facts.assets:
        assets[row["job_id"]].append(row)
    for job in facts.jobs:
        wanted = 1 if job["status"] == JobStatus.SUCCEEDED else 0
        if len(assets[job["id"]]) != wanted:
            yield f"job {job['id']} is {job['status']} with {len(assets[job['id']])} results"


def _unexplained(facts: Facts, calls: Mapping[Pair, Sequence[Call]], given_up: set[Pair]) -> Iterator[str]:
    attempts = {(row["job_id"], row["number"]) for row in facts.attempts}
    for pair, made in calls.items():
        if pair not in attempts:
            yield f"call {pair} has no attempt"
        if len(made) > 1:
            yield f"attempt {pair} was sent {len(made)} times"
    again = _followed(facts, calls)
    for row in again:
        if not (
            row["outcome"] in _RETRYABLE or _was_unknown(row, given_up) or facts.released.get(row["job_id"])
        ):
            yield f"job {row['job_id']} was called again after attempt {row['number']}: {row['outcome']}"
    unknown = Counter(row["job_id"] for row in again if _was_unknown(row, given_up))
    for job in facts.jobs:
        allowed = _RETRIES_OF_UNKNOWN[job["on_unknown"]] + facts.released.get(job["id"], 0)
        if (times := unknown[job["id"]]) > allowed:
            yield f"job {job['id']} ({job['on_unknown']}) was called again after {times} unknown outcomes"


def _followed(facts: Facts, calls: Mapping[Pair, Sequence[Call]]) -> Sequence[Row]:
    """Return each attempt that reached the provider and was followed by another one."""
    called: defaultdict[UUID, list[Row]] = defaultdict(list)
    for row in facts.attempts:
        if (row["job_id"], row["number"]) in calls:
            called[row["job_id"]].append(row)
    return [row for rows in called.values() for row in rows[:-1]]


def _was_unknown(row: Row, given_up: set[Pair]) -> bool:
    """Return whether the outcome was unknown at the decision; its worker may have corrected it later."""
    corrected_later = row["outcome"] not in _RETRYABLE and (row["job_id"], row["number"]) in given_up
    return row["outcome"] in UNKNOWN or corrected_later


def _repeated(facts: Facts, calls: Mapping[Pair, Sequence[Call]], given_up: set[Pair]) -> Iterator[Pair]:
    """Yield the calls of unknown outcome after which another one was made."""
    for row in _followed(facts, calls):
        if _was_unknown(row, given_up):
            yield row["job_id"], row["number"]


def _in_flight(facts: Facts) -> set[Pair]:
    """Return the calls in flight, or not recorded yet, on workers at their outages."""
    return {
        (row["job_id"], row["number"])
        for row in facts.attempts
        for outage in facts.worker_outages
        if row["worker_id"] == outage.worker_id and _was_open(row, outage.at, outage.at + _SLACK)
    }


def _reclaimed(facts: Facts) -> set[Pair]:
    """Return the calls that another worker gave up, by the events: their worker's heartbeat was too late.

    A worker that is only busy goes on, and records later what the call came to.
    """
    given_up: defaultdict[UUID, list[datetime]] = defaultdict(list)
    for event in facts.events:
        if WORKER_LOST.message in (event["detail"] or ""):
            given_up[event["job_id"]].append(event["at"])
    following = [*facts.attempts[1:], None]
    return {
        (row["job_id"], row["number"])
        for row, later in zip(facts.attempts, following, strict=True)
        if any(
            row["sent_at"] <= at
            and (later is None or later["job_id"] != row["job_id"] or at <= later["sent_at"])
            for at in given_up[row["job_id"]]
        )
    }


def _was_open(row: Row, began: datetime, ended: datetime | None) -> bool:
    over = row["finished_at"]
    return (over is None or over >= began) and (ended is None or row["sent_at"] <= ended)


def _unexplained_unknown(
    facts: Facts, calls: Mapping[Pair, Sequence[Call]], given_up: set[Pair]
) -> Iterator[str]:
    """Yield attempts of unknown outcome without a fault, or a cancel, that explains it."""
    cancelled = {job["id"] for job in facts.jobs if job["status"] == JobStatus.CANCELLED}
    for row in facts.attempts:
        pair = row["job_id"], row["number"]
        broken = any(call.outcome != "picture" for call in calls.get(pair, ()))
        cut_off = any(_was_open(row, each.began, each.ended) for each in facts.network_cuts)
        explained = pair in given_up or broken or cut_off or row["job_id"] in cancelled
        if row["outcome"] in UNKNOWN and not explained:
            yield f"attempt {pair} is {row['outcome']} ({row['error_code']}), and nothing had happened to it"


def _wrong_pictures(facts: Facts) -> Iterator[str]:
    for row in facts.assets:
        stored = facts.pictures.get(row["key"])
        if stored is None:
            yield f"job {row['job_id']}: its picture {row['key']} is not stored"
        elif stored != (row["sha256"], facts.prompts.get(row["job_id"])):
            yield f"job {row['job_id']}: a wrong picture is stored: {stored}"


def _leases_left(facts: Facts) -> Iterator[str]:
    for row in facts.jobs:
        if row["worker_id"] is not None or row["lease_token"] is not None:
            yield f"job {row['id']} is {row['status']} and still leased to {row['worker_id']}"


def _event_gaps(facts: Facts) -> Iterator[str]:
    revisions: defaultdict[UUID, list[int]] = defaultdict(list)
    last: dict[UUID, str] = {}
    for row in facts.events:
        revisions[row["job_id"]].append(row["revision"])
        last[row["job_id"]] = row["status"]
    for job in facts.jobs:
        if revisions[job["id"]] != list(range(1, job["revision"] + 1)):
            yield f"job {job['id']} at revision {job['revision']} has events {revisions[job['id']]}"
        elif last[job["id"]] != job["status"]:
            yield f"job {job['id']} is {job['status']}, its last event says {last[job['id']]}"


def _wrong_attempts(facts: Facts, calls: Mapping[Pair, Sequence[Call]]) -> Iterator[str]:
    """Yield attempts whose row contradicts the call."""
    for row in facts.attempts:
        pair = row["job_id"], row["number"]
        if row["finished_at"] is None:
            yield f"attempt {pair} was never concluded"
        made = calls.get(pair, ())
        if row["billed"] == "no" and any(call.charged and call.outcome == "picture" for call in made):
            yield f"attempt {pair} ({row['outcome']}, {row['error_code']}) says free, and was charged"
        if row["outcome"] == Outcome.SUCCESS and not made:
            yield f"attempt {pair} says success, and was never made"


def _api_errors(facts: Facts) -> Iterator[str]:
    """Yield responses that no outage explains: that of one is 503 with Retry-After."""
    for status, count in facts.responses.items():
        if status.startswith("5") and status != "503":
            yield f"the API answered {status}, {count} times"


def _lines_that_show_too_much(facts: Facts) -> Iterator[str]:
    """Yield lines of the log with a key, a prompt, a data URL or a signed address."""
    private = re.compile("|".join(map(re.escape, [*facts.secrets, *set(facts.prompts.values())])))
    for line in facts.logs:
        if private.search(line) or _SIGNED.search(line):
            yield f"the log shows too much: {line[:500]}"


def _lines_without_context(facts: Facts) -> Iterator[str]:
    """Yield lines about an attempt that lack its ids."""
    for line in facts.logs:
        if any(event in line for event in _OF_ATTEMPTS):
            missing = {"job", "attempt", "channel", "caller"} - json.loads(line).keys()
            if missing:
                yield f"a line lacks {sorted(missing)}: {line[:500]}"


def _wrong_clocks(facts: Facts) -> Iterator[str]:
    """Yield workers that went by their own clock: others reap them, or they reap others."""
    for age in facts.heartbeat_ages:
        if abs(age) > _OLDEST_HEARTBEAT:
            yield f"a worker whose clock was wrong wrote a heartbeat that is {age:.0f} s old"


def _stall(events: Sequence[Row]) -> float:
    moments = sorted(row["at"] for row in events)
    return max((b - a).total_seconds() for a, b in pairwise(moments))
