"""Calls of the last 24 hours by half hour, and what they have cost since midnight UTC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from api.services import ApiServices
from models.clock import rfc3339
from models.money.money import amount_text
from models.queries.dashboard.figures import BUCKET, CallBucket, list_buckets

CALLS_FRESH = 10.0  #: seconds: every call of the day is added up
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of 24 hours."""

    at: datetime
    buckets: Sequence[CallBucket]
    per_minute: float  #: successes per minute since ``recent_from``
    recent_from: datetime  #: the beginning of the half hour before the present one
    failed: int
    ended: int
    spent_today: Mapping[str, int]  #: millionths by currency

    @property
    def share(self) -> float | None:
        """Share of the calls that failed; ``None``: none has ended."""
        return self.failed / self.ended if self.ended else None

    def to_json(self) -> dict[str, Any]:
        """Return it as the API sends it."""
        return {
            "done_per_minute": round(self.per_minute, 3),
            "failed": self.failed,
            "ended": self.ended,
            "spent_today": {currency: amount_text(micro) for currency, micro in self.spent_today.items()},
            "half_hours": [
                {
                    "start": rfc3339(each.start),
                    "calls": each.calls,
                    "succeeded": each.succeeded,
                    "failed": each.failed,
                    "cost": amount_text(each.cost_micro),
                    "currency": each.currency,
                }
                for each in self.buckets
            ],
        }


async def read_calls(services: ApiServices, scope: UUID | None) -> Calls:
    """Return the calls of a caller, or of all."""
    now = services.clock()
    async with services.database.reading() as connection:
        return total_calls(await list_buckets(connection, now - _DAY, caller_id=scope), now)


def total_calls(buckets: Sequence[CallBucket], now: datetime) -> Calls:
    """Return the calls of buckets of 24 hours with their totals."""
    present = datetime.fromtimestamp(now.timestamp() // BUCKET * BUCKET, UTC)
    recent_from = present - timedelta(seconds=BUCKET)
    recent = [each for each in buckets if each.start >= recent_from]
    minutes = (BUCKET + (now - present).total_seconds()) / 60  # the present half hour has just begun
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    today: dict[str, int] = {}
    for each in buckets:
        if each.currency is not None and each.start >= midnight:
            today[each.currency] = today.get(each.currency, 0) + each.cost_micro
    return Calls(
        at=now,
        buckets=buckets,
        per_minute=sum(each.succeeded for each in recent) / minutes,
        recent_from=recent_from,
        failed=sum(each.failed for each in buckets),
        ended=sum(each.failed + each.succeeded for each in buckets),
        spent_today=today,
    )
