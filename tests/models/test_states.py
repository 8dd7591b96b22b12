"""The state machine, as a table."""

import pytest

from models.states import CANCELLABLE, FINAL, OPEN, RETRYABLE, TRANSITIONS, JobStatus, can_transition

S = JobStatus

ALLOWED = {
    (S.QUEUED, S.LEASED): "the dispatcher admits it",
    (S.QUEUED, S.CANCELLED): "the caller does not want it",
    (S.QUEUED, S.EXPIRED): "it could not start in time",
    (S.QUEUED, S.FAILED): "nobody can ever serve it",
    (S.LEASED, S.RUNNING): "the call begins",
    (S.LEASED, S.QUEUED): "the worker died or the channel cools down; nothing was sent",
    (S.LEASED, S.CANCELLED): "the caller does not want it",
    (S.LEASED, S.FAILED): "the request can't be sent",
    (S.RUNNING, S.STORING): "there are pictures to bring home",
    (S.RUNNING, S.SUCCEEDED): "the pictures came inside the answer",
    (S.RUNNING, S.QUEUED): "it is called again",
    (S.RUNNING, S.HELD): "nobody knows whether it was charged",
    (S.RUNNING, S.FAILED): "it would fail again",
    (S.RUNNING, S.CANCELLED): "the caller does not want it",
    (S.STORING, S.SUCCEEDED): "the pictures are home",
    (S.STORING, S.QUEUED): "a lost answer was asked for again: the provider gave the task up",
    (S.STORING, S.HELD): "a lost answer was asked for again, and was not found",
    (S.STORING, S.FAILED): "the pictures are gone",
    (S.STORING, S.CANCELLED): "the caller does not want it",
    (S.AWAITING_INPUT, S.QUEUED): "the caller answered",
    (S.AWAITING_INPUT, S.CANCELLED): "the caller does not want it",
    (S.AWAITING_INPUT, S.EXPIRED): "the caller did not answer",
    (S.HELD, S.QUEUED): "a person says: call again",
    (S.HELD, S.FAILED): "a person says: give up",
    (S.HELD, S.CANCELLED): "the caller does not want it",
}


@pytest.mark.parametrize("leaving", list(JobStatus))
@pytest.mark.parametrize("entering", list(JobStatus))
def test_a_job_moves_where_the_table_allows_it_and_nowhere_else(
    leaving: JobStatus, entering: JobStatus
) -> None:
    assert can_transition(leaving, entering) is ((leaving, entering) in ALLOWED)


def test_every_state_is_in_the_table_and_leads_to_known_states() -> None:
    assert set(TRANSITIONS) == set(JobStatus)
    assert all(following <= set(JobStatus) for following in TRANSITIONS.values())


def test_final_states_are_those_that_lead_nowhere() -> None:
    assert {S.SUCCEEDED, S.FAILED, S.CANCELLED, S.EXPIRED} == FINAL
    assert set(JobStatus) - FINAL == OPEN


def test_every_open_state_can_be_cancelled() -> None:
    assert CANCELLABLE == OPEN


def test_every_open_state_can_reach_an_end() -> None:
    ending = set(FINAL)
    while more := {status for status in OPEN - ending if TRANSITIONS[status] & ending}:
        ending |= more
    assert ending == set(JobStatus)


def test_an_explicit_retry_leaves_final_states_and_held() -> None:
    assert {*FINAL, S.HELD} == RETRYABLE


def test_what_is_being_stored_is_not_called_without_passing_the_gate_again() -> None:
    assert not TRANSITIONS[S.STORING] & {S.LEASED, S.RUNNING}


def test_states_are_their_public_names() -> None:
    assert [str(status) for status in JobStatus] == [status.value for status in JobStatus]
