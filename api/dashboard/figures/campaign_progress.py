"""Progress of a campaign for people: bar by item state, what it waits for, and windows in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from api.dashboard.language.locales import msgid
from models.campaigns.item_state import ItemState
from models.campaigns.status import PauseReason

PAUSES: Mapping[str, str] = {
    PauseReason.MANUAL: msgid("by a person"),
    PauseReason.BUDGET: msgid("budget used up"),
    PauseReason.WINDOW: msgid("outside its windows"),
    PauseReason.FAILING: msgid("most items fail"),
}
"""Words for why a campaign is paused."""
LEFT: Mapping[str, str] = {
    "open": msgid("under way; its take ends first"),
    "may_be_paid": msgid("held: its last call may have been charged; release or fail the job first"),
    "row_error": msgid("its row can't be rendered; import a changed row"),
    "too_many_takes": msgid("has as many takes as are permitted"),
    "failed": msgid("its last take failed"),
    "already_paid": msgid("has a picture already"),
    "no_picture": msgid("has no picture to decide about"),
    "changed": msgid("changed meanwhile"),
    "take_deleted": msgid("the job of its last take was deleted"),
    "prompt_erased": msgid("the prompt of its last take was erased; import a changed row"),
    "prompt_error": msgid("the prompt can't be rendered with its row"),
    "unwritable": msgid("its row can't be changed; the server's log says why"),
}
"""Words for why a bulk action leaves an item, by the codes of ``models.campaigns.actions.SKIPPED``."""
STAGES: Mapping[str, str] = {
    "row": msgid("in its row"),
    "queue": msgid("before a call"),
    "call": msgid("in the call"),
    "store": msgid("while storing"),
}
"""Words for where items failed."""
WARNINGS: Mapping[str, str] = {
    "no_channel": msgid("No open channel serves a model of this plan."),
    "canary_is_all": msgid("The canary has all items: nothing is left for after its approval."),
    "rows_with_errors": msgid(
        "Items of rows with errors will fail without a call; the others are not held up."
    ),
    "missing_rows": msgid("Some rows were not in the last import; they stay, and are made."),
}
"""Words for warnings of a plan."""
WIDTH = 1000  #: of the bar
_LEAST = 6  # of a segment: none is invisible
ORDER = (
    ItemState.APPROVED,
    ItemState.MADE,
    ItemState.REJECTED,
    ItemState.FAILED,
    ItemState.HELD,
    ItemState.SKIPPED,
    ItemState.RUNNING,
    ItemState.WAITING,
)
"""States in the order of the bar: what is there, what went wrong, what is to come."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the bar: items of a state, and where it lies, in thousandths."""

    state: str
    count: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Items of a campaign, counted."""

    total: int
    pictures: int  #: items with a picture
    decided: int  #: of these
    ended: int
    segments: Sequence[Segment]

    @property
    def share(self) -> float | None:
        """Share of the items that have a picture; none: there are no items."""
        return self.pictures / self.total if self.total else None

    @property
    def unjudged(self) -> int:
        """Pictures without a verdict."""
        return self.pictures - self.decided


def progress_of(items: Mapping[str, Any]) -> Progress:
    """Return the progress from the member ``items`` of a campaign's document."""
    counts: Mapping[str, int] = items["by_status"]
    total: int = items["total"]
    decided = counts[ItemState.APPROVED] + counts[ItemState.REJECTED]
    still_open = counts[ItemState.WAITING] + counts[ItemState.RUNNING] + counts[ItemState.HELD]
    return Progress(
        total=total,
        pictures=decided + counts[ItemState.MADE],
        decided=decided,
        ended=total - still_open,
        segments=segments([(state.value, counts[state]) for state in ORDER]),
    )


def segments(counts: Sequence[tuple[str, int]]) -> list[Segment]:
    """Return the segments of a bar by their share; each has a least width, at the cost of the largest."""
    shown = [(state, count) for state, count in counts if count > 0]
    total = sum(count for _, count in shown)
    widths = [max(count / total * WIDTH, _LEAST) for _, count in shown]
    if widths:
        widths[widths.index(max(widths))] -= sum(widths) - WIDTH
    found, x = [], 0.0
    for (state, count), width in zip(shown, widths, strict=True):
        found.append(Segment(state, count, round(x, 1), round(width, 1)))
        x += width
    return found


@dataclass(frozen=True, slots=True)
class Money:
    """What was spent of a budget, as decimal texts, and as shares of it."""

    currency: str | None
    limit: str | None
    settled: str
    reserved: str
    unknown: str
    settled_share: float  #: of the budget; without one, of all that was spent
    reserved_share: float
    unknown_share: float

    @property
    def is_spent(self) -> bool:
        """Whether anything was."""
        return any(Decimal(each) for each in (self.settled, self.reserved, self.unknown))


def money_of(document: Mapping[str, Any]) -> Money:
    """Return the money from the member ``money`` of a campaign's document."""
    amounts = {name: Decimal(document[name] or 0) for name in ("settled", "reserved", "unknown")}
    whole = Decimal(document["limit"] or 0) or sum(amounts.values(), Decimal(0))
    shares = {name: min(float(amount / whole), 1.0) if whole else 0.0 for name, amount in amounts.items()}
    return Money(
        currency=document["currency"],
        limit=document["limit"],
        settled=document["settled"] or "0",
        reserved=document["reserved"] or "0",
        unknown=document["unknown"] or "0",
        settled_share=shares["settled"],
        reserved_share=shares["reserved"],
        unknown_share=shares["unknown"],
    )


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of an item in a list: its document, and the item that it is of."""

    asset: Mapping[str, Any]
    item: str
    key: str
    state: str
