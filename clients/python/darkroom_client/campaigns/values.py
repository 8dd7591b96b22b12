"""A campaign and its parts, as the server shows them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from darkroom_client.documents import (
    Document,
    as_document,
    as_documents,
    member,
    moment,
    optional,
    required,
    texts,
)
from darkroom_client.resources.job import Eta, read_eta

FINAL = frozenset({"finished", "cancelled"})
"""Statuses that only a retry or further rows leave."""
WITH_PICTURE = ("made", "approved", "rejected")
"""States of items that have a picture."""
ENDED = (*WITH_PICTURE, "failed", "skipped")
"""States of items whose newest take has ended."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Why a campaign makes no calls: manual, budget, window or failing; and until when, if that is known."""

    reason: str
    detail: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Money:
    """What a campaign has spent, as decimal texts in one currency; ``None``: not known, or no limit."""

    currency: str | None
    limit: str | None
    reserved: str | None
    settled: str | None
    unknown: str | None  #: of calls of which it is not known whether they were charged


@dataclass(frozen=True, slots=True)
class CampaignState:
    """A campaign as it was when it was read. ``document`` has all its members, as JSON."""

    id: str | None
    name: str
    status: str
    pause: Pause | None
    total: int  #: items
    by_status: Mapping[str, int]  #: items by state
    money: Money
    eta: Eta | None
    document: Document = field(repr=False, compare=False)

    @property
    def is_final(self) -> bool:
        """Whether only a retry or further rows start it again."""
        return self.status in FINAL

    @property
    def ended(self) -> int:
        """Items whose newest take has ended."""
        return sum(self.by_status.get(state, 0) for state in ENDED)

    @property
    def made(self) -> int:
        """Items with a picture."""
        return sum(self.by_status.get(state, 0) for state in WITH_PICTURE)

    @property
    def needs(self) -> str | None:
        """What it waits for from a person: approval, resume, budget, held or start; ``None``: it goes on."""
        if self.status == "draft":
            return "start"
        if self.status == "awaiting_approval":
            return "approval"
        if self.pause and self.pause.until is None and self.pause.reason != "window":
            return "budget" if self.pause.reason == "budget" else "resume"
        left = self.by_status.get("waiting", 0) + self.by_status.get("running", 0)
        if self.status == "running" and self.by_status.get("held", 0) and not left:
            return "held"
        return None


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong in a sheet. ``line``: from 1; 0: the whole sheet."""

    line: int
    column: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import of rows did. ``errors`` has the first of them; rows with errors were left out."""

    rows: int
    added: int
    changed: int
    unchanged: int
    missing: int  #: rows of the campaign that the sheet does not have; they stay
    duplicates: int
    error_count: int
    errors: tuple[RowError, ...]
    document: Document = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class PlanSample:
    """What one item would ask for."""

    key: str
    prompt: str
    images: tuple[str, ...]
    model: str


@dataclass(frozen=True, slots=True)
class PlannedCost:
    """What the calls of a plan may cost, as decimal texts; ``None``: not known. ``source``: whence."""

    p50: str | None
    p90: str | None
    currency: str | None
    source: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a campaign would do, before anything is paid. ``items`` is what ``start`` expects."""

    rows: int
    items: int
    formula: str
    pictures: int
    calls: int
    error_count: int
    errors: tuple[Document, ...]
    warnings: tuple[str, ...]
    samples: tuple[PlanSample, ...]
    cost: PlannedCost
    time: Eta | None
    document: Document = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class SkippedItems:
    """Items that an action leaves for one reason."""

    reason: str
    message: str
    count: int


@dataclass(frozen=True, slots=True)
class Action:
    """A retry, re-roll or verdict on many items; without an id what it would do."""

    id: str | None
    kind: str
    status: str
    eligible: int
    done: int
    failed: int
    pending: int
    may_pay_twice: int  #: eligible items whose last take was charged, or may have been
    skipped: tuple[SkippedItems, ...]
    cost: PlannedCost
    document: Document = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Items that failed or are held in the same way."""

    stage: str
    channel: str | None
    model: str | None
    code: str | None
    words: str
    held: bool
    count: int
    samples: tuple[str, ...]  #: keys
    document: Document = field(repr=False, compare=False)


def read_campaign(value: object) -> CampaignState:
    """Return the campaign of a document. Raises ``InvalidResponse``."""
    document = as_document(value, "campaign")
    items = as_document(document.get("items") or {}, "items")
    by_status = as_document(items.get("by_status") or {}, "by_status")
    money = as_document(document.get("money") or {}, "money")
    return CampaignState(
        id=optional(document, "id", str),
        name=required(document, "name"),
        status=member(document, "status", str, ""),
        pause=_read_pause(document),
        total=member(items, "total", int, 0),
        by_status={state: member(by_status, state, int, 0) for state in by_status},
        money=Money(
            *(optional(money, name, str) for name in ("currency", "limit", "reserved", "settled", "unknown"))
        ),
        eta=read_eta(document),
        document=document,
    )


def _read_pause(document: Document) -> Pause | None:
    if document.get("paused") is None:
        return None
    paused = as_document(document["paused"], "paused")
    reason, detail = member(paused, "reason", str, ""), member(paused, "detail", str, "")
    return Pause(reason, detail, moment(paused, "until"))


def read_import(value: object) -> ImportReport:
    """Return the report of an import. Raises ``InvalidResponse``."""
    document = as_document(value, "import")
    counts = {
        name: member(document, name, int, 0)
        for name in ("rows", "added", "changed", "unchanged", "missing", "duplicates", "error_count")
    }
    errors = tuple(
        RowError(
            member(each, "line", int, 0),
            optional(each, "column", str),
            member(each, "code", str, ""),
            member(each, "message", str, ""),
        )
        for each in as_documents(document.get("errors"))
    )
    return ImportReport(**counts, errors=errors, document=document)


def read_plan(value: object) -> Plan:
    """Return a plan. Raises ``InvalidResponse``."""
    document = as_document(value, "plan")
    return Plan(
        rows=member(document, "rows", int, 0),
        items=member(document, "items", int, 0),
        formula=member(document, "formula", str, ""),
        pictures=member(document, "pictures", int, 0),
        calls=member(document, "calls", int, 0),
        error_count=member(document, "error_count", int, 0),
        errors=tuple(as_documents(document.get("errors"))),
        warnings=tuple(member(each, "message", str, "") for each in as_documents(document.get("warnings"))),
        samples=tuple(
            PlanSample(
                member(each, "key", str, ""),
                member(each, "prompt", str, ""),
                texts(each, "images"),
                member(each, "model", str, ""),
            )
            for each in as_documents(document.get("samples"))
        ),
        cost=_read_cost(document),
        time=read_eta({"eta": document.get("time")}),
        document=document,
    )


def _read_cost(document: Document) -> PlannedCost:
    cost: Mapping[str, Any] = as_document(document.get("cost") or {}, "cost")
    p50, p90, currency = (optional(cost, name, str) for name in ("p50", "p90", "currency"))
    return PlannedCost(p50, p90, currency, member(cost, "source", str, "unknown"))


def read_action(value: object) -> Action:
    """Return an action. Raises ``InvalidResponse``."""
    document = as_document(value, "action")
    counts = {
        name: member(document, name, int, 0)
        for name in ("eligible", "done", "failed", "pending", "may_pay_twice")
    }
    return Action(
        id=optional(document, "id", str),
        kind=member(document, "kind", str, ""),
        status=member(document, "status", str, ""),
        **counts,
        skipped=tuple(
            SkippedItems(
                member(each, "reason", str, ""),
                member(each, "message", str, ""),
                member(each, "count", int, 0),
            )
            for each in as_documents(document.get("skipped"))
        ),
        cost=_read_cost(document),
        document=document,
    )


def read_failures(value: object) -> tuple[FailureGroup, ...]:
    """Return the groups of failures. Raises ``InvalidResponse``."""
    return tuple(
        FailureGroup(
            stage=member(each, "stage", str, ""),
            channel=optional(each, "channel", str),
            model=optional(each, "model", str),
            code=optional(each, "code", str),
            words=member(each, "words", str, ""),
            held=member(each, "held", bool, False),
            count=member(each, "count", int, 0),
            samples=texts(each, "samples"),
            document=each,
        )
        for each in as_documents(as_document(value, "report").get("data"))
    )
