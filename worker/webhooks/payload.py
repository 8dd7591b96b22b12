"""What there is to tell: a job as it was when the thing happened, however late the message leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Row

from models.ids import public_id

LIMIT = 20_000  #: a body has fewer bytes, as Standard Webhooks advises
_MOMENTS = ("started_at", "finished_at")


@dataclass(frozen=True, slots=True)
class Telling:
    """One message's matter. A retry or replay tells the same."""

    message_id: str  #: also its ``webhook-id``
    event: str
    at: datetime
    public_url: str  #: the base of addresses, without a slash at its end
    job: Any = None  #: with the columns of a job's row; ``None``: a test
    assets: Sequence[Row[Any]] = ()


def telling_of(
    delivery: Row[Any], job: Row[Any] | None, assets: Sequence[Row[Any]], *, public_url: str
) -> Telling:
    """Put a delivery's matter together from the job's rows and what was noted at the change."""
    return Telling(
        message_id=public_id("delivery", delivery.id),
        event=delivery.event,
        at=delivery.at,
        public_url=public_url,
        job=None if job is None else SimpleNamespace(**{**job._mapping, **_then(delivery.snapshot)}),
        assets=[asset for asset in assets if asset.created_at <= delivery.at],
    )


def _then(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: snapshot[name] and datetime.fromisoformat(snapshot[name]) for name in _MOMENTS}
    return {**snapshot, **times}
