"""Alert watch: begins, tells and ends notices, once a minute.

The worker that was started first does it, and API processes while no worker lives: that is when one is needed
most. Two that evaluate at once do no harm: a lock of the database lets one go after the other, and an alert
is told once.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from models.clock import Clock, rfc3339
from models.database import Database
from models.ids import new_id, public_id
from models.operations.alert_rules import firing
from models.operations.alerts import ALERTS, AlertName, FiringAlert, Severity
from models.operations.quiet_hours import QuietHours
from models.queries.operations.alert_facts import read_facts
from models.queries.operations.notices import (
    Notice,
    alert_receivers,
    begin_notice,
    change_notice,
    list_notices,
    lock_notices,
    notice_view,
)
from models.queries.webhooks.outbox import BODY_KEY, insert_deliveries, new_delivery
from models.queries.workers import count_alive, first_worker, list_workers
from models.settings import Settings
from worker.database_retry import run_forever
from worker.storage.store import Store

_PAUSE = 60.0  # seconds between two evaluations
_KNOWN = frozenset(AlertName)
_log = structlog.get_logger()


class WatchServices(Protocol):
    """What the watch needs of the services of a worker or an API process."""

    @property
    def settings(self) -> Settings:
        """The settings."""

    @property
    def database(self) -> Database:
        """The database."""

    @property
    def store(self) -> Store:
        """The store of images."""

    @property
    def clock(self) -> Clock:
        """The database's time."""


class AlertWatch:
    """Evaluates the rules. Each alert is told once; it is told again only after it has ended.

    ``worker_id``: of the worker that it runs in; ``None``: it runs in an API process.
    """

    def __init__(self, services: WatchServices, worker_id: UUID | None, webhooks_due: asyncio.Event) -> None:
        self._services, self._worker_id, self._webhooks_due = services, worker_id, webhooks_due
        written = services.settings.quiet_hours
        self._quiet = QuietHours.parse(written) if written else None

    async def run(self) -> None:
        """Evaluate until cancelled."""
        await run_forever(self.evaluate, self._pause, name="alerts")

    async def _pause(self) -> None:
        await asyncio.sleep(_PAUSE)

    async def evaluate(self) -> None:
        """Evaluate the rules once, if it is this process's duty."""
        services, now = self._services, self._services.clock()
        timeout = timedelta(seconds=services.settings.worker_timeout)
        async with services.database.reading() as connection:
            if not await self._is_on_duty(connection, now - timeout):
                return
            facts = await read_facts(
                connection,
                now,
                worker_timeout=timeout,
                storage_free=services.store.free_bytes(),
                broker_error=await _broker_error(connection, now - timeout),
            )
        alerts = {(alert.name.value, alert.subject): alert for alert in firing(facts)}
        async with services.database.writing() as connection:
            await lock_notices(connection)
            known = await list_notices(connection, limit=10_000)
            told = await self._update(connection, alerts, known, now)
        if told:
            self._webhooks_due.set()

    async def _is_on_duty(self, connection: AsyncConnection, alive_since: datetime) -> bool:
        """Return whether this is the worker that was started first, or an API process without any worker."""
        if self._worker_id is None:
            return await count_alive(connection, alive_since) == 0
        return await first_worker(connection) == self._worker_id

    async def _update(
        self,
        connection: AsyncConnection,
        alerts: Mapping[tuple[str, str], FiringAlert],
        known: Sequence[Notice],
        now: datetime,
    ) -> bool:
        """Begin, tell and end notices; return whether webhooks are due."""
        told = False
        for key in alerts.keys() - {(each.alert, each.subject) for each in known}:
            await begin_notice(connection, alerts[key], now)
        for notice in await list_notices(connection, limit=10_000):
            alert = alerts.get((notice.alert, notice.subject))
            if alert is None:
                await change_notice(connection, notice.id, {"ended_at": now})
                if notice.told_at is not None:
                    told |= await _send(connection, notice, "resolved", now)
                continue
            if notice.told_at is None and self._is_told(notice, now):
                await change_notice(connection, notice.id, {"told_at": now, "summary": alert.summary})
                told |= await _send(connection, notice, "firing", now)
                _log.warning(
                    "an alert holds", alert=notice.alert, summary=alert.summary, inspect=notice.inspect
                )
            elif notice.summary != alert.summary:
                await change_notice(connection, notice.id, {"summary": alert.summary})
        return told

    def _is_told(self, notice: Notice, now: datetime) -> bool:
        """Return whether an alert has lasted long enough, and may be told at this hour."""
        if notice.acknowledged_at is not None or notice.alert not in _KNOWN:
            return False
        quiet = self._quiet is not None and self._quiet.hold(now)
        if quiet and notice.severity != Severity.PAGE:
            return False
        return now - notice.began_at >= ALERTS[AlertName(notice.alert)].lasting


async def _send(connection: AsyncConnection, notice: Notice, status: str, now: datetime) -> bool:
    """Insert a delivery for each endpoint that wants alerts; return whether there is one."""
    rows = []
    for receiver in await alert_receivers(connection, now):
        delivery_id = new_id()
        body = {
            "id": public_id("delivery", delivery_id),
            "object": "event",
            "type": f"alert.{notice.alert}",
            "created_at": int(now.timestamp()),
            "timestamp": rfc3339(now),
            "data": {**notice_view(notice), "status": status},
        }
        rows.append(
            new_delivery(
                id=delivery_id,
                caller_id=receiver.caller_id,
                endpoint_id=receiver.id,
                job_id=None,
                url=receiver.url,
                event=f"alert.{notice.alert}",
                revision=0,
                snapshot={BODY_KEY: body, "started_at": None, "finished_at": None},
                at=now,
            )
        )
    if rows:
        await insert_deliveries(connection, rows)
    return bool(rows)


async def _broker_error(connection: AsyncConnection, alive_since: datetime) -> str | None:
    """Return why no live worker gets messages from the broker; ``None``: one does, or there is none."""
    live = [row for row in await list_workers(connection) if row.heartbeat_at >= alive_since]
    errors = [row.broker_error for row in live]
    return errors[0] if errors and all(errors) else None
