"""The state machine of batches."""

from models.openai.batch_status import CANCELLABLE, FINAL, TIMES, TRANSITIONS, BatchStatus, can_transition

S = BatchStatus


def test_final_and_cancellable_statuses_are_those_of_the_api_reference() -> None:
    assert {S.COMPLETED, S.FAILED, S.EXPIRED, S.CANCELLED} == FINAL
    assert {S.VALIDATING, S.IN_PROGRESS} == CANCELLABLE
    assert TRANSITIONS.keys() == set(S)
    assert can_transition(S.FINALIZING, S.EXPIRED)
    assert not can_transition(S.COMPLETED, S.CANCELLING)


def test_each_status_but_the_first_has_a_time() -> None:
    assert {"in_progress_at", "cancelling_at", "expired_at"} < set(TIMES.values())
    assert S.VALIDATING not in TIMES
