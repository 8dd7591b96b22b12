"""Notices: alerts that hold, each once, until they end; told to webhooks of administrators."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.api_keys import Role
from models.clock import rfc3339
from models.ids import new_id, public_id
from models.operations.alerts import ALERTS, FiringAlert
from models.queries.api_keys import is_usable
from models.tables import api_keys, notices, webhook_endpoints

_TEXTS = ("alert", "subject", "severity", "summary", "inspect", "act")
_LOCK = 7_201_147_036  # an arbitrary id of an advisory lock; migrations have the one before
ALL_ALERTS = "alert.*"  #: in the events of an endpoint: all alerts


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert that holds, or held."""

    id: UUID
    alert: str
    subject: str
    severity: str
    summary: str
    inspect: str
    act: str
    began_at: datetime
    told_at: datetime | None  #: when webhooks were told; ``None``: it has not lasted long enough
    ended_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None


@dataclass(frozen=True, slots=True)
class AlertReceiver:
    """A webhook endpoint of an administrator that wants alerts."""

    id: UUID
    caller_id: UUID
    url: str
    events: Collection[str]


async def list_notices(connection: AsyncConnection, *, ended: bool = False, limit: int = 200) -> list[Notice]:
    """Return notices, the newest first: those that hold, or with ``ended`` all."""
    query = select(notices).order_by(notices.c.id.desc()).limit(limit)
    query = query if ended else query.where(notices.c.ended_at.is_(None))
    return [_notice(row) for row in await connection.execute(query)]


async def lock_notices(connection: AsyncConnection) -> None:
    """Let one process after the other change notices, until the end of the transaction.

    A transaction that writes to SQLite is alone anyway.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


async def count_notices(connection: AsyncConnection) -> dict[str, int]:
    """Count the alerts that hold and that nobody has acknowledged, by name."""
    here = notices.c
    query = select(here.alert, func.count().label("alerts")).group_by(here.alert)
    query = query.where(here.ended_at.is_(None), here.told_at.is_not(None), here.acknowledged_at.is_(None))
    return {row.alert: row.alerts for row in await connection.execute(query)}


async def begin_notice(connection: AsyncConnection, alert: FiringAlert, at: datetime) -> None:
    """Insert a notice of an alert that holds since now."""
    row = {
        "id": new_id(),
        "alert": alert.name.value,
        "subject": alert.subject,
        "severity": ALERTS[alert.name].severity.value,
        "summary": alert.summary,
        "inspect": alert.inspect,
        "act": alert.act,
        "began_at": at,
    }
    await connection.execute(insert(notices).values(**row))


async def change_notice(connection: AsyncConnection, notice_id: UUID, changes: Mapping[str, Any]) -> None:
    """Change columns of a notice."""
    await connection.execute(update(notices).where(notices.c.id == notice_id).values(**changes))


async def acknowledge(
    connection: AsyncConnection, notice_id: UUID, *, by: str, at: datetime
) -> Notice | None:
    """Note who has seen a notice; the first stays. Return it, or ``None`` if there is none."""
    here = notices.c
    unseen = here.id == notice_id, here.acknowledged_at.is_(None)
    await connection.execute(update(notices).where(*unseen).values(acknowledged_at=at, acknowledged_by=by))
    row = (await connection.execute(select(notices).where(here.id == notice_id))).first()
    return None if row is None else _notice(row)


async def alert_receivers(connection: AsyncConnection, at: datetime) -> Sequence[AlertReceiver]:
    """Return the open endpoints that want alerts, of callers with a usable administrator's key."""
    here = webhook_endpoints.c
    admin = select(api_keys.c.caller_id).where(api_keys.c.role == Role.ADMIN.value, is_usable(at))
    query = select(here.id, here.caller_id, here.url, here.events).where(
        here.url.is_not(None),
        here.disabled_at.is_(None),
        here.deleted_at.is_(None),
        here.caller_id.in_(admin),
    )
    found = [AlertReceiver(*row) for row in await connection.execute(query)]
    return [each for each in found if isinstance(each.events, list) and ALL_ALERTS in each.events]


def notice_view(notice: Notice) -> dict[str, Any]:
    """Return a notice as API, webhooks and command line show it."""
    times = ("began_at", "told_at", "ended_at", "acknowledged_at")
    return {
        "id": public_id("notice", notice.id),
        **{
            name: getattr(notice, name)
            for name in ("alert", "subject", "severity", "summary", "inspect", "act")
        },
        **{name: None if (at := getattr(notice, name)) is None else rfc3339(at) for name in times},
        "acknowledged_by": notice.acknowledged_by,
    }


def _notice(row: Row[Any]) -> Notice:
    return Notice(**row._mapping)
