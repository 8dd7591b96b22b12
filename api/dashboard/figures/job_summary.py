"""A job as a row of a table: how long it waited and ran, what it cost, its first picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class JobSummary:
    """What a table shows of a job."""

    document: Mapping[str, Any]
    waited: timedelta | None  #: until its first call was sent, or until now
    ran: timedelta | None  #: from its last call on, until it ended
    cost: Mapping[str, str]  #: decimal texts by currency
    picture: Mapping[str, Any] | None


def moment(text: str | None) -> datetime | None:
    """Return the time of an RFC 3339 text."""
    return None if text is None else datetime.fromisoformat(text)


def summary_of(job: Mapping[str, Any], now: datetime) -> JobSummary:
    """Return the summary of a job's document. No span is negative, whatever the clocks said."""
    created, finished = moment(job["created_at"]), moment(job["finished_at"])
    calls: Sequence[Mapping[str, Any]] = job["attempts"]
    first = moment(calls[0]["started_at"]) if calls else None
    last = moment(calls[-1]["started_at"]) if calls else None
    waited = None if created is None else max((first or finished or now) - created, timedelta())
    ran = None if last is None else max((finished or now) - last, timedelta())
    pictures = job["assets"]
    return JobSummary(job, waited, ran, cost_of(calls), pictures[0] if pictures else None)


def cost_of(calls: Sequence[Mapping[str, Any]]) -> Mapping[str, str]:
    """Return what calls have cost by currency, as far as it is known."""
    totals: dict[str, Decimal] = {}
    for call in calls:
        if call["cost"] is not None and call["currency"] is not None:
            totals[call["currency"]] = totals.get(call["currency"], Decimal(0)) + Decimal(call["cost"])
    return {currency: str(total) for currency, total in totals.items()}


def thumbnail_of(asset: Mapping[str, Any], side: int = 320) -> str:
    """Return the path of the thumbnail of an asset whose longer side is ``side``; without one, of itself."""
    made = asset.get("thumbnails") or {}
    return path_of(made[str(side)]["url"] if str(side) in made else asset["url"])


def path_of(url: str) -> str:
    """Return the path of one of our addresses: pages load pictures from their own host."""
    return urlsplit(url).path
