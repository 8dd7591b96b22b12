"""Deliver claimed webhooks: send each message and record the result; at least once, one webhook-id."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import Counter, Histogram
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.errors import DatabaseAway
from models.ids import public_id
from models.queries.webhooks.deliveries import record_results, stop_endpoint, stop_job
from models.queries.webhooks.endpoints import change_endpoint
from models.webhook_events import PASSING, DeliveryStatus, WebhookEvent
from worker.metrics.buckets import SHORT
from worker.process.log_context import bind_log_context, log_context
from worker.webhooks.context import WebhookContext, WebhookServices
from worker.webhooks.delivery_log import append_entry, read_log
from worker.webhooks.messages import prepare_messages
from worker.webhooks.retry_schedule import (
    Decision,
    Delivered,
    Disable,
    GiveUp,
    ReceiverResponse,
    RetryLater,
    decide,
)
from worker.webhooks.sender import Message

_PAUSES = (0.1, 0.5, 2.0, 5.0)  # seconds until results are written again while the database is away
_FINAL = {Delivered: DeliveryStatus.DELIVERED, GiveUp: DeliveryStatus.FAILED, Disable: DeliveryStatus.STOPPED}
_METRIC_LABELS = {Delivered: "taken", RetryLater: "again", GiveUp: "giveup", Disable: "stop"}
_NOT_RENDERED = ReceiverResponse(None, "Darkroom could not write this message; the worker's log says why.")
_log = structlog.get_logger()
_attempts = Counter("darkroom_webhook_tries", "Webhook messages sent, by outcome", ["outcome"])
_seconds = Histogram("darkroom_webhook_delivery_seconds", "Seconds of a try to send a message", buckets=SHORT)


@dataclass(frozen=True, slots=True)
class AttemptedDelivery:
    """One attempt, its response, and the decision that follows."""

    delivery: Row[Any]
    response: ReceiverResponse
    decision: Decision


def start_delivery(context: WebhookContext, delivery_ids: Sequence[UUID], token: UUID) -> None:
    """Start ``deliver`` as a task that a stopping worker finds. To be called on the context's loop."""
    task = asyncio.create_task(deliver(context, delivery_ids, token), name="webhook delivery")
    context.in_flight.tasks.add(task)
    task.add_done_callback(context.in_flight.tasks.discard)


async def deliver(context: WebhookContext, delivery_ids: Sequence[UUID], token: UUID) -> None:
    """Send those of the deliveries that are still claimed with this token.

    Cancelled, it leaves what it has not recorded among the claimed deliveries, for the worker to release.
    """
    try:
        await _send_all(context, delivery_ids, token)
    except Exception:  # noqa: BLE001 - a task's edge: the deliveries are due again when their claim ends
        _log.exception("webhooks could not be sent; they are sent again")
    context.in_flight.drop(delivery_ids, token)


async def _send_all(context: WebhookContext, delivery_ids: Sequence[UUID], token: UUID) -> None:
    """Send all at once, and record together those that end together."""
    messages = await prepare_messages(context.services, delivery_ids, token)
    sending = {asyncio.create_task(_attempt(context, row, message)) for row, message in messages}
    try:
        while sending:
            done, sending = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
            attempted = [task.result() for task in done]
            await _record(context.services, attempted)
            context.in_flight.drop([each.delivery.id for each in attempted], token)
    finally:
        for task in sending:
            task.cancel()


async def _attempt(context: WebhookContext, row: Row[Any], message: Message | None) -> AttemptedDelivery:
    """Send one message. Any error is a failed attempt of this delivery; the others of the chunk go on."""
    bind_log_context(None, **_ids(row))
    try:
        with _seconds.time():
            response = _NOT_RENDERED if message is None else await context.sender.send(message)
    except Exception as error:  # noqa: BLE001 - no response of one receiver may fail the other deliveries
        _log.exception("a webhook could not be sent", delivery=public_id("delivery", row.id))
        problem = f"Darkroom failed while it sent this message ({type(error).__name__})."
        response = ReceiverResponse(None, problem)
    decision = decide(response, row.tries + 1, retryable=_retryable(row), jitter=random.random)
    return AttemptedDelivery(row, response, decision)


def _ids(row: Row[Any]) -> dict[str, str | None]:
    """Return the ids that the log's lines about a delivery have."""
    return {
        "delivery": public_id("delivery", row.id),
        "job": None if row.job_id is None else public_id("job", row.job_id),
        "caller": None if row.caller_id is None else public_id("caller", row.caller_id),
        "request_id": row.request_id,
    }


def _retryable(row: Row[Any]) -> bool:
    """Return whether a failed message is sent again. Without a job, progress could overtake its end."""
    return row.event != WebhookEvent.TEST and (row.job_id is not None or row.event not in PASSING)


async def _record(services: WebhookServices, attempted: Sequence[AttemptedDelivery]) -> None:
    """Write the results of attempts. Failing that, the messages are sent again when their claim ends."""
    for each in attempted:
        with log_context(**_ids(each.delivery)):
            _log_result(each)
    try:
        await _write_when_back(services, attempted)
    except Exception:  # noqa: BLE001 - one result that can't be written must not keep the others
        for each in attempted:
            try:
                await _write_when_back(services, [each])
            except Exception:  # noqa: BLE001 - as above
                key = public_id("delivery", each.delivery.id)
                _log.exception("the result of a webhook delivery can't be written", delivery=key)


async def _write_when_back(services: WebhookServices, attempted: Sequence[AttemptedDelivery]) -> None:
    for pause in (*_PAUSES, None):
        try:
            async with services.database.writing() as connection:
                await _write(connection, attempted, services.clock())
            return
        except DatabaseAway as error:
            _log.error("results of webhook deliveries could not be written", error=str(error)[:300])
            if pause is not None:
                await asyncio.sleep(pause)


async def _write(connection: AsyncConnection, attempted: Sequence[AttemptedDelivery], now: datetime) -> None:
    await record_results(connection, [_result(each, now) for each in attempted])
    for each in attempted:
        if not isinstance(each.decision, Disable):
            continue
        if each.delivery.endpoint_id is not None:
            changes = {"disabled_at": now, "disabled_reason": each.response.problem}
            await change_endpoint(connection, each.delivery.endpoint_id, changes)
            await stop_endpoint(connection, each.delivery.endpoint_id, now)
        elif each.delivery.job_id is not None:
            await stop_job(connection, each.delivery.job_id, now)


def _result(attempted: AttemptedDelivery, now: datetime) -> dict[str, Any]:
    row, decision = attempted.delivery, attempted.decision
    retried = isinstance(decision, RetryLater)
    return {
        "id": row.id,
        "claim": row.claim,
        "status": DeliveryStatus.PENDING if retried else _FINAL[type(decision)],
        "tries": row.tries + 1,
        "next_at": now + decision.after if isinstance(decision, RetryLater) else row.next_at,
        "log": append_entry(read_log(row), attempted.response, now),
        "ended_at": None if retried else now,
    }


def _log_result(attempted: AttemptedDelivery) -> None:
    _attempts.labels(_METRIC_LABELS[type(attempted.decision)]).inc()
    if isinstance(attempted.decision, GiveUp | Disable):
        _log.warning(
            "a webhook was given up; it can be replayed",
            delivery=public_id("delivery", attempted.delivery.id),
            host=attempted.delivery.host,
            reason=attempted.response.problem,
        )
