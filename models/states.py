"""What may happen to a job, and in which order."""

from collections.abc import Mapping
from enum import StrEnum


class JobStatus(StrEnum):
    """Where a job stands. Each value names what we are waiting for."""

    QUEUED = "queued"  #: the gate: a due time, a limit, a free slot. Set by submit, retry, reap
    LEASED = "leased"  #: the start time that the gate gave to a worker. Set by the dispatcher
    RUNNING = "running"  #: the provider; the call may cost money from here on. Set by generate
    STORING = "storing"  #: the pictures' way home, or a lost answer asked for again. Set by generate
    AWAITING_INPUT = "awaiting_input"  #: the caller, in a dialog
    HELD = "held"  #: a decision: it is unknown whether the call was made and charged
    SUCCEEDED = "succeeded"  #: nothing; the pictures are stored
    FAILED = "failed"  #: nothing; the error says why
    CANCELLED = "cancelled"  #: nothing; the caller did not want it any more
    EXPIRED = "expired"  #: nothing; it could not start in time and cost nothing


S = JobStatus

TRANSITIONS: Mapping[JobStatus, frozenset[JobStatus]] = {
    S.QUEUED: frozenset({S.LEASED, S.CANCELLED, S.EXPIRED, S.FAILED}),
    S.LEASED: frozenset({S.RUNNING, S.QUEUED, S.CANCELLED, S.FAILED}),
    S.RUNNING: frozenset({S.STORING, S.SUCCEEDED, S.QUEUED, S.HELD, S.FAILED, S.CANCELLED}),
    S.STORING: frozenset({S.SUCCEEDED, S.QUEUED, S.HELD, S.FAILED, S.CANCELLED}),
    S.AWAITING_INPUT: frozenset({S.QUEUED, S.CANCELLED, S.EXPIRED}),
    S.HELD: frozenset({S.QUEUED, S.FAILED, S.CANCELLED}),
    S.SUCCEEDED: frozenset(),
    S.FAILED: frozenset(),
    S.CANCELLED: frozenset(),
    S.EXPIRED: frozenset(),
}
"""The state machine. Only an explicit retry leaves a final state; it starts a new generation of the job."""

FINAL = frozenset(status for status, following in TRANSITIONS.items() if not following)
OPEN = frozenset(TRANSITIONS) - FINAL
CANCELLABLE = frozenset(status for status, following in TRANSITIONS.items() if S.CANCELLED in following)
RETRYABLE = FINAL | {S.HELD}
"""What an explicit retry may start again."""
RESTARTS = frozenset({S.QUEUED, S.STORING})
"""Where it goes then: to be called again, or to bring home pictures that were found in a kept answer."""


def can_transition(leaving: JobStatus, entering: JobStatus) -> bool:
    """Tell whether the state machine allows this move."""
    return entering in TRANSITIONS[leaving]


class OnUnknown(StrEnum):
    """What a job wants when a call was sent and its outcome is unknown: it may exist, and may be charged."""

    HOLD = "hold"  #: wait for a person
    RETRY_ONCE = "retry_once"  #: call again, at most once for this reason
    RETRY = "retry"  #: call again, as often as attempts allow
    FAIL = "fail"  #: give up
