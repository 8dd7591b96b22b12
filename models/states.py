"""Job states and the transitions between them: the state machine, as data."""

from collections.abc import Mapping
from enum import StrEnum


class JobStatus(StrEnum):
    """State of a job."""

    # The comment above each state: what the job waits for; which step sets it; which step leaves it.
    #: a due time, a limit, a free slot; set by submit, retry, reaper; left by the dispatcher
    QUEUED = "queued"
    #: its start time on a worker; set by the dispatcher; left by generate, or the reaper
    LEASED = "leased"
    #: the provider, which may charge from here on; set by generate; left by generate, or the reaper
    RUNNING = "running"
    #: its images to be stored, or a lost answer to be recovered; set by generate; left by store, recovery
    STORING = "storing"
    #: the caller's input in a dialog; set and left by the Midjourney surface
    AWAITING_INPUT = "awaiting_input"
    #: a person's decision, as the call may have been charged; set by failure, reaper; left by release, fail
    HELD = "held"
    #: final: the images are stored; set by store
    SUCCEEDED = "succeeded"
    #: final: the error says why; set by generate, failure, store
    FAILED = "failed"
    #: final: the caller cancelled it; set by cancel
    CANCELLED = "cancelled"
    #: final: it did not start in time, and was not charged; set by expiry
    EXPIRED = "expired"


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
"""States that an explicit retry may leave."""
RESTARTS = frozenset({S.QUEUED, S.STORING})
"""Where it leads: to a new call, or to storing images that were found in an archived response."""


def can_transition(leaving: JobStatus, entering: JobStatus) -> bool:
    """Return whether the state machine allows this transition."""
    return entering in TRANSITIONS[leaving]


class OnUnknown(StrEnum):
    """Policy for a call with unknown outcome: the image may exist, and may have been charged."""

    HOLD = "hold"  #: hold the job until a person decides
    RETRY_ONCE = "retry_once"  #: call again, at most once for this reason
    RETRY = "retry"  #: call again, as often as attempts allow
    FAIL = "fail"  #: fail the job
