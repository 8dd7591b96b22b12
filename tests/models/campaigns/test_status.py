"""The state machine of campaigns."""

from models.campaigns.status import (
    CANCELLABLE,
    CLOSED_BY,
    TRANSITIONS,
    CampaignStatus,
    PauseReason,
    can_transition,
)


def test_each_status_is_reached_and_each_but_the_cancelled_is_left() -> None:
    reached = {status for following in TRANSITIONS.values() for status in following}
    assert reached | {CampaignStatus.DRAFT} == set(CampaignStatus)
    assert {status for status, following in TRANSITIONS.items() if not following} == {
        CampaignStatus.CANCELLED
    }


def test_a_pause_leads_back_to_every_status_that_it_may_leave() -> None:
    leaving = {status for status in CampaignStatus if can_transition(status, CampaignStatus.PAUSED)}
    assert leaving <= TRANSITIONS[CampaignStatus.PAUSED]
    assert CampaignStatus.FINISHED not in CANCELLABLE


def test_each_reason_of_a_pause_has_a_wait_reason() -> None:
    assert set(CLOSED_BY) == set(PauseReason)
