"""Item states by the status of the newest take and the verdict."""

from models.campaigns.item_state import ItemState, Verdict, state_of
from models.states import JobStatus


def test_a_verdict_counts_for_a_picture_alone() -> None:
    made = JobStatus.SUCCEEDED
    states = [state_of(made, verdict) for verdict in (None, Verdict.PICK, Verdict.REJECT)]
    assert states == [ItemState.MADE, ItemState.APPROVED, ItemState.REJECTED]
    assert state_of(JobStatus.FAILED, Verdict.PICK) is ItemState.FAILED


def test_each_status_of_a_job_has_a_state() -> None:
    assert state_of(None, None) is ItemState.WAITING
    assert {state_of(status, None) for status in JobStatus} <= set(ItemState)
