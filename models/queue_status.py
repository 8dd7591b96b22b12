"""Wait reasons of queued jobs, as callers see them, and the snapshot of the scheduler that decides them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class WaitReason(StrEnum):
    """What a queued job waits for."""

    NOT_BEFORE = "not_before"  #: the time that its caller chose
    BACKOFF = "backoff"  #: the time after a failed call
    NO_CHANNEL = "no_channel"  #: a channel for its model, which the settings lack
    PAUSED = (
        "paused"  #: a person: who resumes or repairs the channels of its model, or gives its caller a key
    )
    NO_WORKER = "no_worker"  #: a worker process
    COOLDOWN = "cooldown"  #: the end of a cool-down that the provider asked for, or of an open breaker
    RATE_LIMIT = "rate_limit"  #: the next start that a limit allows: the channel's, its model's, its caller's
    CONCURRENCY = "concurrency"  #: the end of a call in flight: on the channel, of its caller, or in a worker
    STORAGE = "storage"  #: the next try to fetch and store its images, which are paid for
    FAIR_SHARE = "fair_share"  #: its turn among the others
    BUDGET = "budget"  #: a person, who raises the budget of its caller
    CAMPAIGN_PAUSED = "campaign_paused"  #: a person, who resumes its campaign
    CAMPAIGN_WINDOW = "campaign_window"  #: the start time of its campaign, or the next of its windows
    CAMPAIGN_BUDGET = "campaign_budget"  #: a person, who raises the budget of its campaign
    CAMPAIGN_FAILING = "campaign_failing"  #: a person, as most of the last items of its campaign failed
    CAMPAIGN_CANARY = "campaign_canary"  #: a person, who approves the canary of its campaign
    CAMPAIGN_LIMIT = "campaign_limit"  #: the next start that a limit of its campaign allows


@dataclass(frozen=True, slots=True)
class WaitCause:
    """One thing that delays a call. ``until``: when it ends by itself (``None``: when something happens)."""

    reason: WaitReason
    detail: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class WaitStatus:
    """Why a job waits, in words, since when, and when the wait may end (``None``: unknown)."""

    reason: WaitReason
    detail: str
    since: datetime
    next_eligible_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeylessCaller:
    """A caller without a usable key, and since when: its jobs are not started until it has one."""

    id: UUID
    name: str
    since: datetime


@dataclass(frozen=True, slots=True)
class ClosedCampaign:
    """A campaign none of whose jobs is leased now. ``until``: when that ends by itself, if it does."""

    caller_id: UUID
    name: str
    reason: WaitReason
    since: datetime
    detail: str | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedJob:
    """What of a queued job decides when it may start. ``since``: when it was queued."""

    model: str
    caller_id: UUID
    not_before: datetime
    backing_off: bool
    since: datetime
    images: int = 1
    campaign: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerSnapshot:
    """The scheduler's inputs at one moment.

    ``channels``: rows of all, also of those that no live worker knows. ``calls``: rows of (channel_id, model,
    caller_id, calls) in flight. ``callers``: rows of those that have limits of their own. ``slots``: of all
    live workers.
    ``keyless``: callers without a usable key. ``closed``: campaigns none of whose jobs is leased now.
    ``limited``: rows of campaigns with limits of their own; ``campaign_calls``: their calls in flight.
    ``broker_error``: why no live worker gets messages from the broker; ``None``: one does.
    """

    channels: Sequence[Any]
    calls: Sequence[Any] = ()
    callers: Sequence[Any] = ()
    keyless: Sequence[KeylessCaller] = ()
    closed: Sequence[ClosedCampaign] = ()
    limited: Sequence[Any] = ()
    campaign_calls: Mapping[tuple[UUID, str], int] = field(default_factory=dict)
    workers_alive: int = 1
    slots: int = 1
    slots_used: int = 0
    broker_error: str | None = None
