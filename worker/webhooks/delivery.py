"""Sending what was claimed, and noting what came of it: at least once, with the same webhook-id."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import Counter
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.clock import rfc3339
from models.database import OUTAGES
from models.ids import public_id
from models.queries.webhooks.deliveries import mark, stop_endpoint, stop_job
from models.queries.webhooks.endpoints import change_endpoint
from models.webhook_events import DeliveryStatus, WebhookEvent
from worker.services import WorkerServices
from worker.webhooks.context import WebhookContext
from worker.webhooks.messages import prepare
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

_LOGGED = 20  # tries that the log of one delivery keeps
_PAUSES = (0.1, 0.5, 2.0, 5.0)  # seconds until results are written again while the database is away
_ENDED = {Delivered: DeliveryStatus.DELIVERED, GiveUp: DeliveryStatus.FAILED, Disable: DeliveryStatus.STOPPED}
_UNWRITTEN = ReceiverResponse(None, "Darkroom could not write this message; the worker's log says why.")
_log = structlog.get_logger()
_tries = Counter("darkroom_webhook_tries", "Webhook messages sent, by what came of them", ["outcome"])


@dataclass(frozen=True, slots=True)
class AttemptedDelivery:
    """One try and what follows from it."""

    delivery: Row[Any]
    answer: ReceiverResponse
    decision: Decision


async def deliver(context: WebhookContext, delivery_ids: Sequence[UUID], token: UUID) -> None:
    """Send those of the deliveries that are still claimed; a doubled or late message finds none."""
    task = asyncio.current_task()
    assert task is not None
    context.in_flight.tasks.add(task)
    try:
        await _send_all(context, delivery_ids, token)
    except Exception:  # noqa: BLE001 - a task's edge: what was claimed is due again when the claim ends
        _log.exception("webhooks could not be sent; they are sent again")
    finally:
        context.in_flight.tasks.discard(task)
    for delivery_id in delivery_ids:
        context.in_flight.drop(delivery_id)


async def _send_all(context: WebhookContext, delivery_ids: Sequence[UUID], token: UUID) -> None:
    """Send all at once, and note together what ends together."""
    ready = await prepare(context.services, delivery_ids, token)
    sending = {asyncio.create_task(_try(context, row, message)) for row, message in ready}
    try:
        while sending:
            done, sending = await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
            tried = [task.result() for task in done]
            await _note(context.services, tried)
            for each in tried:
                context.in_flight.drop(each.delivery.id)
    finally:
        for task in sending:
            task.cancel()


async def _try(context: WebhookContext, row: Row[Any], message: Message | None) -> AttemptedDelivery:
    """Send one message. Whatever goes wrong is a failed try of this one; the others of the chunk go on."""
    try:
        answer = _UNWRITTEN if message is None else await context.sender.send(message)
    except Exception as error:  # noqa: BLE001 - whatever a receiver answers, it must not harm others
        _log.exception("a webhook could not be sent", delivery=public_id("delivery", row.id))
        answer = ReceiverResponse(
            None, f"Darkroom failed while it sent this message ({type(error).__name__})."
        )
    once = row.event == WebhookEvent.TEST
    return AttemptedDelivery(row, answer, decide(answer, row.tries + 1, once=once, jitter=random.random))


async def _note(services: WorkerServices, tried: Sequence[AttemptedDelivery]) -> None:
    """Write what came of tries. If that is impossible they are sent again when their claim ends."""
    for each in tried:
        _log_result(each)
    for pause in (*_PAUSES, None):
        try:
            async with services.database.writing() as connection:
                await _write(connection, tried, services.clock())
            return
        except OUTAGES as error:
            _log.error("what came of webhooks could not be written", error=str(error)[:300])
            if pause is not None:
                await asyncio.sleep(pause)


async def _write(connection: AsyncConnection, tried: Sequence[AttemptedDelivery], now: datetime) -> None:
    await mark(connection, [_result(each, now) for each in tried])
    for each in tried:
        if isinstance(each.decision, Disable) and each.delivery.endpoint_id is not None:
            changes = {"disabled_at": now, "disabled_reason": each.answer.problem}
            await change_endpoint(connection, each.delivery.endpoint_id, changes)
            await stop_endpoint(connection, each.delivery.endpoint_id, now)
        elif isinstance(each.decision, Disable) and each.delivery.job_id is not None:
            await stop_job(connection, each.delivery.job_id, now)


def _result(tried: AttemptedDelivery, now: datetime) -> dict[str, Any]:
    row, decision = tried.delivery, tried.decision
    again = isinstance(decision, RetryLater)
    return {
        "id": row.id,
        "claim": row.claim,
        "status": DeliveryStatus.PENDING if again else _ENDED[type(decision)],
        "tries": row.tries + 1,
        "next_at": now + decision.after if isinstance(decision, RetryLater) else row.next_at,
        "log": [*row.log, _entry(tried.answer, now)][-_LOGGED:],
        "ended_at": None if again else now,
    }


def _entry(answer: ReceiverResponse, now: datetime) -> dict[str, Any]:
    return {
        "at": rfc3339(now),
        "seconds": answer.seconds,
        "http_status": answer.http_status,
        "problem": answer.problem,
        "answer": answer.beginning,
    }


def _log_result(tried: AttemptedDelivery) -> None:
    outcome = type(tried.decision).__name__.lower()
    _tries.labels(outcome).inc()
    if isinstance(tried.decision, GiveUp | Disable):
        _log.warning(
            "a webhook was given up; it can be replayed",
            delivery=public_id("delivery", tried.delivery.id),
            host=tried.delivery.host,
            reason=tried.answer.problem,
        )
