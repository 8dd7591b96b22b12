"""Item states: derived from the status of the newest take and the verdict.

Triggers of the database derive them in the same way (migration 0012).
"""

from collections.abc import Mapping
from enum import StrEnum

from models.states import JobStatus


class ItemState(StrEnum):
    """State of an item."""

    WAITING = "waiting"  #: its newest take is queued, or there is none yet
    RUNNING = "running"  #: its newest take is in flight
    MADE = "made"  #: it has a picture without a verdict
    APPROVED = "approved"  #: its picture was picked
    REJECTED = "rejected"  #: its picture was rejected
    FAILED = "failed"  #: its newest take failed or expired
    HELD = "held"  #: its newest take waits for a person's decision
    SKIPPED = "skipped"  #: its newest take was cancelled


class Verdict(StrEnum):
    """What was decided about a picture."""

    PICK = "pick"
    REJECT = "reject"


OPEN = frozenset({ItemState.WAITING, ItemState.RUNNING, ItemState.HELD})
"""States that end by themselves or by a decision; a campaign is finished when no item is in one."""

_STATES: Mapping[JobStatus, ItemState] = {
    JobStatus.QUEUED: ItemState.WAITING,
    JobStatus.AWAITING_INPUT: ItemState.WAITING,
    JobStatus.LEASED: ItemState.RUNNING,
    JobStatus.RUNNING: ItemState.RUNNING,
    JobStatus.STORING: ItemState.RUNNING,
    JobStatus.HELD: ItemState.HELD,
    JobStatus.CANCELLED: ItemState.SKIPPED,
    JobStatus.FAILED: ItemState.FAILED,
    JobStatus.EXPIRED: ItemState.FAILED,
}


def state_of(status: JobStatus | None, verdict: Verdict | None) -> ItemState:
    """Return the state of an item, by the status of its newest take (``None``: it has none)."""
    if status is None:
        return ItemState.WAITING
    if status is not JobStatus.SUCCEEDED:
        return _STATES[status]
    if verdict is None:
        return ItemState.MADE
    return ItemState.APPROVED if verdict is Verdict.PICK else ItemState.REJECTED
