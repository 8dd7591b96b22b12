"""Bulk actions on the items of a campaign: their kinds and statuses, and which items they leave."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from models.campaigns.item_state import ItemState


class ActionKind(StrEnum):
    """What an action does."""

    RETRY = "retry"  #: a further take of the same request
    REROLL = "reroll"  #: a further take of a request that was changed
    VERDICT = "verdict"  #: a verdict on each item, at once


class ActionStatus(StrEnum):
    """Status of an action."""

    RUNNING = "running"  #: workers go through its items
    FINISHED = "finished"
    ABORTED = "aborted"  #: a person ended it, or its campaign was cancelled; what it did stays


class RetryMode(StrEnum):
    """Which items a retry is for."""

    MISSING = "missing"  #: without a picture, and not because a take failed
    MISSING_AND_FAILED = "missing_and_failed"
    ALL = "all"  #: also items with a picture, which is paid again


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """What decides whether an item gets a further take."""

    state: ItemState
    has_job: bool  #: of its newest take
    at_limit: bool  #: it has as many takes as are permitted


SKIPPED: Mapping[str, str] = {
    "open": "it is under way; its take ends first",
    "may_be_paid": "its take is held, for its last call may have been charged; release or fail the job first",
    "row_error": "it has no take: its row can't be rendered, or its jobs were deleted; import a changed row",
    "too_many_takes": "it has as many takes as are permitted (DARKROOM_CAMPAIGN_TAKES)",
    "failed": "its last take failed; the mode missing_and_failed retries it",
    "already_paid": "it has a picture; the mode all makes it again, and a re-roll another one",
    "no_picture": "it has no picture to decide about",
    "changed": "it changed meanwhile",
    "take_deleted": "the job of its last take was deleted",
    "prompt_erased": "the prompt of its last take was erased; import a changed row",
    "prompt_error": "the prompt can't be rendered with its row",
    "unwritable": "its row can't be changed; the server's log says why",
}
"""Reasons for which items are left, in words; the same codes as in bulk requests on jobs."""

FAILURES = frozenset({"take_deleted", "prompt_erased", "prompt_error", "unwritable"})
"""Reasons that count as failed, when an item was eligible before."""

WITH_PICTURE = frozenset({ItemState.MADE, ItemState.APPROVED, ItemState.REJECTED})
"""States of items with a picture."""

_OPEN = frozenset({ItemState.WAITING, ItemState.RUNNING})
_MODES: Mapping[RetryMode, Mapping[ItemState, str]] = {
    RetryMode.MISSING: {ItemState.FAILED: "failed", **dict.fromkeys(WITH_PICTURE, "already_paid")},
    RetryMode.MISSING_AND_FAILED: dict.fromkeys(WITH_PICTURE, "already_paid"),
    RetryMode.ALL: {},
}


def retry_refusal(facts: ItemFacts, mode: RetryMode) -> str | None:
    """Return why an item is not retried, as a key of ``SKIPPED``; ``None``: it is."""
    return _take_refusal(facts) or _MODES[mode].get(facts.state) or _limit_refusal(facts)


def reroll_refusal(facts: ItemFacts) -> str | None:
    """Return why an item is not re-rolled, as a key of ``SKIPPED``; ``None``: it is."""
    return _take_refusal(facts) or _limit_refusal(facts)


def verdict_refusal(facts: ItemFacts) -> str | None:
    """Return why an item gets no verdict, as a key of ``SKIPPED``; ``None``: it does."""
    return None if facts.state in WITH_PICTURE else "no_picture"


def _take_refusal(facts: ItemFacts) -> str | None:
    if facts.state in _OPEN:
        return "open"
    if facts.state is ItemState.HELD:
        return "may_be_paid"
    return None if facts.has_job else "row_error"


def _limit_refusal(facts: ItemFacts) -> str | None:
    return "too_many_takes" if facts.at_limit else None
