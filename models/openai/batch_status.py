"""Statuses of batches and the transitions between them, as OpenAI names them."""

from collections.abc import Mapping
from enum import StrEnum


class BatchStatus(StrEnum):
    """Status of a batch. All but ``cancelling`` are set by the batch controller of an API process."""

    VALIDATING = "validating"  #: its input is read; set by create
    FAILED = "failed"  #: a line of its input is faulty; nothing ran
    IN_PROGRESS = "in_progress"  #: its lines run
    FINALIZING = "finalizing"  #: its last calls end, and its files are written
    COMPLETED = "completed"  #: its files can be read; also if every line failed
    EXPIRED = "expired"  #: its window has ended; finished lines are in its files
    CANCELLING = "cancelling"  #: calls under way end, and its files are written; set by cancel
    CANCELLED = "cancelled"


S = BatchStatus

TRANSITIONS: Mapping[BatchStatus, frozenset[BatchStatus]] = {
    S.VALIDATING: frozenset({S.IN_PROGRESS, S.FAILED, S.CANCELLING}),
    S.IN_PROGRESS: frozenset({S.FINALIZING, S.CANCELLING}),
    S.FINALIZING: frozenset({S.COMPLETED, S.EXPIRED}),
    S.CANCELLING: frozenset({S.CANCELLED}),
    S.COMPLETED: frozenset(),
    S.FAILED: frozenset(),
    S.EXPIRED: frozenset(),
    S.CANCELLED: frozenset(),
}
"""The state machine."""

FINAL = frozenset(status for status, following in TRANSITIONS.items() if not following)
CANCELLABLE = frozenset(status for status, following in TRANSITIONS.items() if S.CANCELLING in following)

TIMES: Mapping[BatchStatus, str] = {
    status: f"{status.value}_at" for status in S if status is not S.VALIDATING
}
"""The member, and the column, with the time at which a status was entered."""


def can_transition(leaving: BatchStatus, entering: BatchStatus) -> bool:
    """Return whether the state machine allows this transition."""
    return entering in TRANSITIONS[leaving]
