"""Campaign statuses and the transitions between them: the state machine, as data."""

from collections.abc import Mapping
from enum import StrEnum

from models.queue_status import WaitReason


class CampaignKind(StrEnum):
    """What a campaign consists of."""

    PLAIN = "plain"  #: jobs that name it
    PLANNED = "planned"  #: rows, from which its items and their jobs are made


class CampaignStatus(StrEnum):
    """Status of a campaign."""

    #: its start; set by create; left by start
    DRAFT = "draft"
    #: its rows to be checked; set by start; left by the controller
    CHECKING = "checking"
    #: the items of the canary to end; set and left by the controller
    CANARY = "canary"
    #: a person's approval; set by the controller; left by approve
    AWAITING_APPROVAL = "awaiting_approval"
    #: its items to end; set by approve, the controller, resume; left by the controller
    RUNNING = "running"
    #: the end of the pause; set by pause and the controller; left by resume and the controller
    PAUSED = "paused"
    #: final, until a retry or further rows reopen it; set by the controller
    FINISHED = "finished"
    #: final: no further call is made; set by cancel
    CANCELLED = "cancelled"


S = CampaignStatus

TRANSITIONS: Mapping[CampaignStatus, frozenset[CampaignStatus]] = {
    S.DRAFT: frozenset({S.CHECKING, S.CANCELLED}),
    S.CHECKING: frozenset({S.CANARY, S.RUNNING, S.PAUSED, S.CANCELLED}),
    S.CANARY: frozenset({S.AWAITING_APPROVAL, S.RUNNING, S.PAUSED, S.CANCELLED}),
    S.AWAITING_APPROVAL: frozenset({S.RUNNING, S.PAUSED, S.CANCELLED}),
    S.RUNNING: frozenset({S.PAUSED, S.FINISHED, S.CANCELLED}),
    S.PAUSED: frozenset({S.CHECKING, S.CANARY, S.AWAITING_APPROVAL, S.RUNNING, S.CANCELLED}),
    S.FINISHED: frozenset({S.RUNNING}),
    S.CANCELLED: frozenset(),
}
"""The state machine. ``paused`` leads back to the status that the pause has left."""

PAUSABLE = frozenset(status for status, following in TRANSITIONS.items() if S.PAUSED in following)
CANCELLABLE = frozenset(status for status, following in TRANSITIONS.items() if S.CANCELLED in following)
IMPORTABLE = frozenset(S) - {S.CANCELLED}
"""Statuses in which rows may be imported."""


def can_transition(leaving: CampaignStatus, entering: CampaignStatus) -> bool:
    """Return whether the state machine allows this transition."""
    return entering in TRANSITIONS[leaving]


class PauseReason(StrEnum):
    """Why a campaign is paused."""

    MANUAL = "manual"  #: a person paused it
    BUDGET = "budget"  #: its budget is used up
    WINDOW = "window"  #: none of its windows is open, or its start time has not come
    FAILING = "failing"  #: most of its last items failed for one class


CLOSED_BY: Mapping[PauseReason, WaitReason] = {
    PauseReason.MANUAL: WaitReason.CAMPAIGN_PAUSED,
    PauseReason.BUDGET: WaitReason.CAMPAIGN_BUDGET,
    PauseReason.WINDOW: WaitReason.CAMPAIGN_WINDOW,
    PauseReason.FAILING: WaitReason.CAMPAIGN_FAILING,
}
"""The wait reason of the jobs of a paused campaign: the value of ``campaigns.closed``."""
