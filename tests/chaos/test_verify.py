"""Verification finds each kind of damage: else a run that passes would prove nothing."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.chaos.facts import Facts, NetworkCut, WorkerOutage
from tests.chaos.verify import compare
from tests.support.practice import Call
from worker.tasks.polling import WORKER_LOST

JOB, WORKER, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def call(number: int, outcome: str = "picture", *, charged: bool = True) -> Call:
    return Call("a cat", 0.0, 1.0, False, outcome, charged, None, f"{JOB}-{number}")


def attempt(number: int, outcome: str | None = "success", **values: Any) -> dict[str, Any]:
    return {
        "job_id": JOB,
        "number": number,
        "worker_id": WORKER,
        "sent_at": at(number),
        "finished_at": at(number + 0.9),
        "outcome": outcome,
        "error_code": None,
        "billed": "yes" if outcome == "success" else "unknown",
        **values,
    }


def events(*statuses: str) -> list[dict[str, Any]]:
    return [
        {"job_id": JOB, "revision": number, "status": status, "at": at(number), "detail": None}
        for number, status in enumerate(statuses, 1)
    ]


JOB_ROW: Mapping[str, Any] = {
    "id": JOB,
    "status": "succeeded",
    "revision": 4,
    "on_unknown": "hold",
    "worker_id": None,
    "lease_token": None,
}
ASSET: Mapping[str, Any] = {"job_id": JOB, "key": "ab/cd.png", "sha256": "abcd"}
GOOD = Facts(
    prompts={JOB: "a cat"},
    released={},
    calls=[call(1)],
    jobs=[JOB_ROW],
    attempts=[attempt(1)],
    assets=[ASSET],
    events=events("queued", "leased", "running", "succeeded"),
    pictures={"ab/cd.png": ("abcd", "a cat")},
    worker_outages=[],
    network_cuts=[],
    responses={"202": 1, "503": 1},
    heartbeat_ages=[1.5],
)
UNKNOWN = attempt(1, "ambiguous", error_code="connection_lost")
TWICE = replace(
    GOOD, calls=[call(1), call(2)], attempts=[UNKNOWN, attempt(2)], jobs=[{**JOB_ROW, "on_unknown": "retry"}]
)


def line(**values: Any) -> Facts:
    return replace(GOOD, logs=[json.dumps(values)], secrets=["a-key-of-a-caller"])


def job(**values: Any) -> Facts:
    return replace(GOOD, jobs=[{**JOB_ROW, **values}])


def test_a_run_without_damage_passes() -> None:
    finding = compare(GOOD)
    assert finding.violations == []
    assert (finding.lost, finding.doubled, finding.repeated, finding.stall) == (0, 0, 0, 1.0)


DAMAGES: Mapping[str, tuple[Facts, str]] = {
    "a job did not end": (job(status="running"), "did not end"),
    "a job is gone": (replace(GOOD, jobs=[]), "did not end"),
    "a job that was not submitted": (replace(GOOD, prompts={}), "made twice"),
    "two results": (replace(GOOD, assets=[ASSET, ASSET]), "2 results"),
    "no result": (replace(GOOD, assets=[]), "0 results"),
    "a call without attempt": (replace(GOOD, calls=[call(1), call(2)]), "has no attempt"),
    "an attempt sent twice": (replace(GOOD, calls=[call(1), call(1)]), "sent 2 times"),
    "a call after a success": (replace(TWICE, attempts=[attempt(1), attempt(2)]), "called again after"),
    "a call against the policy": (replace(TWICE, jobs=[JOB_ROW]), "after 1 unknown outcomes"),
    "an unknown outcome without a fault": (TWICE, "nothing had happened"),
    "the image of another job": (replace(GOOD, pictures={"ab/cd.png": ("abcd", "a dog")}), "wrong picture"),
    "a picture that is gone": (replace(GOOD, pictures={}), "is not stored"),
    "a job that is still leased": (job(worker_id=WORKER), "still leased to"),
    "a missing event": (replace(GOOD, events=events("queued", "leased", "succeeded")), "has events"),
    "an event of another state": (job(status="failed"), "its last event says"),
    "an open attempt": (replace(GOOD, attempts=[attempt(1, finished_at=None)]), "never concluded"),
    "a charge that is denied": (
        replace(GOOD, attempts=[attempt(1, "retry", billed="no")]),
        "says free, and was charged",
    ),
    "a worker that goes by its own clock": (replace(GOOD, heartbeat_ages=[-600.0]), "wrote a heartbeat"),
    "an error of the API": (replace(GOOD, responses={"500": 1}), "answered 500"),
    "an outage without a time to try again": (
        replace(GOOD, responses={"503 without Retry-After": 1}),
        "answered 503 without",
    ),
    "a success without a call": (replace(GOOD, calls=[]), "was never made"),
    "a prompt in the log": (line(event="x", error="no good: a cat"), "the log shows too much"),
    "a key in the log": (line(event="x", error="a-key-of-a-caller"), "the log shows too much"),
    "a signed address in the log": (line(event="x", url="https://a/b?sig=1"), "the log shows too much"),
    "a line without its job": (line(event="a channel's call failed", channel="a"), "a line lacks ['attempt'"),
}


@pytest.mark.parametrize(("facts", "message"), DAMAGES.values(), ids=DAMAGES.keys())
def test_each_damage_is_found(facts: Facts, message: str) -> None:
    assert any(message in violation for violation in compare(facts).violations)


Explanation = Callable[[Facts], Facts]
EXPLANATIONS: Mapping[str, Explanation] = {
    "its worker had an outage": lambda facts: replace(facts, worker_outages=[WorkerOutage(WORKER, at(1.5))]),
    "the network was cut": lambda facts: replace(facts, network_cuts=[NetworkCut(at(1.2), at(1.4))]),
    "the provider broke the response": lambda facts: replace(facts, calls=[call(1, "cut"), call(2)]),
}


@pytest.mark.parametrize("explanation", EXPLANATIONS.values(), ids=EXPLANATIONS.keys())
def test_a_repeated_call_is_explained_by_a_fault_of_the_first(explanation: Explanation) -> None:
    finding = compare(explanation(TWICE))
    assert finding.violations == []
    assert finding.repeated == 1


@pytest.mark.parametrize(
    "outage",
    [WorkerOutage(OTHER, at(1.5)), WorkerOutage(WORKER, at(0.1)), WorkerOutage(WORKER, at(5))],
    ids=["other", "early", "late"],
)
def test_outages_of_other_workers_or_at_another_time_explain_nothing(outage: WorkerOutage) -> None:
    assert compare(replace(TWICE, worker_outages=[outage])).violations
    assert compare(replace(TWICE, worker_outages=[outage])).crashed == 0


def test_a_call_whose_success_was_recorded_late_counts_as_repeated_not_doubled() -> None:
    late = replace(TWICE, attempts=[attempt(1), attempt(2)], worker_outages=[WorkerOutage(WORKER, at(1.5))])
    finding = compare(late)
    assert finding.violations == []
    assert (finding.repeated, finding.crashed) == (1, 1)


def test_a_call_that_was_dropped_by_a_cancel_may_be_of_unknown_outcome() -> None:
    cancelled = job(status="cancelled")
    dropped = replace(
        cancelled, attempts=[UNKNOWN], assets=[], events=events("queued", "leased", "running", "cancelled")
    )
    assert compare(dropped).violations == []


def test_a_call_that_was_reclaimed_from_a_busy_worker_may_be_a_success_that_was_repeated() -> None:
    """The event proves that the decision came before the answer; an event of another call proves nothing."""
    late = replace(TWICE, attempts=[attempt(1), attempt(2)])
    moved = {"revision": 4, "status": "queued", "at": at(1.5), "detail": f"again: {WORKER_LOST.message}"}
    reclaimed = replace(late, events=[*events("queued", "leased", "running"), {"job_id": JOB, **moved}])
    before = replace(late, events=[*reclaimed.events[:3], {**reclaimed.events[3], "at": at(0.5)}])

    def called_again(facts: Facts) -> bool:
        return any("called again" in violation for violation in compare(facts).violations)

    assert not called_again(reclaimed)
    assert (compare(reclaimed).repeated, compare(reclaimed).crashed, compare(reclaimed).late) == (1, 0, 1)
    assert called_again(late)
    assert called_again(before)


def test_a_held_job_that_was_released_may_call_again() -> None:
    released = replace(
        TWICE, jobs=[JOB_ROW], released={JOB: 1}, worker_outages=[WorkerOutage(WORKER, at(1.5))]
    )
    assert compare(released).violations == []
    unstored = replace(
        released, attempts=[attempt(1), attempt(2)], worker_outages=[]
    )  # its picture could not be stored
    assert compare(unstored).violations == []
