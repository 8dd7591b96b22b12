"""Reconcile a provider's bill with the recorded calls, by request id."""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TextIO

from models.money.money import amount_text, read_amount, to_micro

_IDS = ("request_id", "requestid", "request id", "x-request-id", "id", "log_id", "logid")
_AMOUNTS = ("cost", "amount", "total", "price", "total_cost", "charge", "quota_cost", "fee")


class BillError(ValueError):
    """A bill that can't be read; the text says which column or line, and what to do."""


@dataclass(frozen=True, slots=True)
class BillLine:
    """One charged request of a bill, in millionths; ``line`` counts from 1."""

    request_id: str
    micro: int
    line: int


class DifferenceKind(StrEnum):
    """How a bill and the recorded calls differ."""

    NOT_RECORDED = "not_recorded"  #: on the bill, but no call has this request id
    NOT_BILLED = "not_billed"  #: a recorded cost that the bill lacks
    OTHER_AMOUNT = "other_amount"
    UNKNOWN_HERE = "unknown_here"  #: on the bill; here its cost is not known
    BILLED_TWICE = "billed_twice"  #: two lines of the bill have the same request id


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference; amounts in millionths, ``None`` where there is none."""

    kind: DifferenceKind
    request_id: str
    billed: int | None
    recorded: int | None
    line: int | None = None

    def to_json(self) -> dict[str, str | int | None]:
        """Return it as JSON; amounts are decimal texts."""
        return {
            "kind": self.kind.value,
            "request_id": self.request_id,
            "billed": None if self.billed is None else amount_text(self.billed),
            "recorded": None if self.recorded is None else amount_text(self.recorded),
            "line": self.line,
        }


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A recorded call with its request id. ``micro``: its cost in millionths, as far as it is known.

    ``settled``: an answer, a price or a bill says so; otherwise it is what was reserved for it, or none.
    """

    request_id: str
    micro: int | None
    settled: bool


def to_settle(bill: Sequence[BillLine], recorded: Sequence[RecordedCall]) -> dict[str, int]:
    """Return the costs by request id of calls that the bill settles: their own cost is not known.

    A request id that several lines or several calls have settles nothing: whose amount is it?
    """
    lines, calls = (Counter(each.request_id for each in group) for group in (bill, recorded))
    unsettled = {each.request_id for each in recorded if not each.settled}
    return {
        line.request_id: line.micro
        for line in bill
        if line.request_id in unsettled and lines[line.request_id] == calls[line.request_id] == 1
    }


def read_bill(
    file: TextIO, *, id_column: str | None = None, amount_column: str | None = None
) -> list[BillLine]:
    """Read a CSV with a header. Raises ``BillError``."""
    try:
        rows = csv.DictReader(file)
        header = [name.strip() for name in rows.fieldnames or ()]
        rows.fieldnames = header
        ids = _column(header, id_column, _IDS, "--id-column")
        amounts = _column(header, amount_column, _AMOUNTS, "--amount-column")
        return [_line(row, ids, amounts, number) for number, row in enumerate(rows, 2) if row.get(ids)]
    except (csv.Error, UnicodeDecodeError) as error:
        raise BillError(f"it is not a CSV in UTF-8: {error}") from error


def _column(header: Sequence[str], wanted: str | None, usual: Sequence[str], option: str) -> str:
    names = {name.lower(): name for name in header}
    for name in (wanted.lower(),) if wanted else usual:
        if name in names:
            return names[name]
    raise BillError(f"name its column by {option}; it has {', '.join(header[:20]) or 'no header'}")


def _line(row: Mapping[str, str | None], ids: str, amounts: str, number: int) -> BillLine:
    text = (row.get(amounts) or "").strip().lstrip("$¥€").replace(",", "")
    amount = read_amount(text)
    if amount is None:
        raise BillError(f"line {number}: {amounts} is {text[:40]!r}, which is no amount")
    return BillLine((row[ids] or "").strip()[:200], to_micro(amount), number)


def compare(bill: Sequence[BillLine], recorded: Iterable[tuple[str, int | None]]) -> list[Difference]:
    """Return all differences, in both directions. ``recorded``: request ids and costs of calls.

    Calls that cost nothing need not be on the bill. Costs of calls with one request id are added up.
    """
    known: dict[str, int | None] = {}
    for request_id, micro in recorded:
        before = known.get(request_id, 0)
        known[request_id] = None if micro is None or before is None else before + micro
    found, times = list[Difference](), Counter(line.request_id for line in bill)
    billed = {line.request_id for line in bill}
    seen = set[str]()
    for line in bill:
        name = line.request_id
        if times[name] > 1 and name in seen:
            found.append(
                Difference(DifferenceKind.BILLED_TWICE, name, line.micro, known.get(name), line.line)
            )
            continue
        seen.add(name)
        if name not in known:
            found.append(Difference(DifferenceKind.NOT_RECORDED, name, line.micro, None, line.line))
        elif (cost := known[name]) is None:
            found.append(Difference(DifferenceKind.UNKNOWN_HERE, name, line.micro, None, line.line))
        elif cost != line.micro:
            found.append(Difference(DifferenceKind.OTHER_AMOUNT, name, line.micro, cost, line.line))
    missing = ((name, cost) for name, cost in known.items() if name not in billed and cost)
    found += [Difference(DifferenceKind.NOT_BILLED, name, None, cost) for name, cost in missing]
    return found
