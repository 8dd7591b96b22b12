"""Prepare messages of claimed deliveries: render the payload and sign it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row

from models.credentials.encryption import UnreadableSecret
from models.ids import public_id
from models.queries.assets import list_assets
from models.queries.webhooks.deliveries import claimed_deliveries, jobs_by_id, record_results, stop_endpoint
from models.queries.webhooks.endpoints import default_endpoint, default_endpoints
from models.webhook_events import DeliveryStatus
from worker.webhooks.context import WebhookServices
from worker.webhooks.delivery_log import append_entry, read_log
from worker.webhooks.payload import payload_of, render
from worker.webhooks.retry_schedule import ReceiverResponse
from worker.webhooks.sender import Message
from worker.webhooks.signature import new_secret, signed_headers

_SECRET_PAUSE = timedelta(minutes=1)  # until an unreadable secret is tried again
_log = structlog.get_logger()


async def prepare_messages(
    services: WebhookServices, delivery_ids: Sequence[UUID], token: UUID
) -> list[tuple[Row[Any], Message | None]]:
    """Return the messages of deliveries whose claim lasts long enough to send them.

    ``None`` stands for one that can't be rendered: it is a failed attempt, and the others are sent. Those
    whose secret can't be decrypted wait, without an attempt.
    """
    now = services.clock()
    beyond = now + timedelta(seconds=services.settings.webhook_timeout)
    async with services.database.reading() as connection:
        rows = await claimed_deliveries(connection, delivery_ids, token, beyond=beyond)
        job_ids = {row.job_id for row in rows if row.job_id is not None}
        jobs = await jobs_by_id(connection, job_ids) if job_ids else {}
        assets = await list_assets(connection, list(job_ids)) if job_ids else []
        callers = {row.caller_id for row in rows if row.endpoint_id is None}
        defaults = await default_endpoints(connection, callers) if callers else {}
    if closed := {row.endpoint_id for row in rows if row.closed}:
        await _stop_endpoints(services, closed, now)
    defaults |= await _create_defaults(services, callers - set(defaults), now)
    public_url = services.settings.public_url.rstrip("/")
    messages: list[tuple[Row[Any], Message | None]] = []
    waiting: list[Mapping[str, Any]] = []
    for row in rows:
        if row.closed or (row.job_id is not None and row.job_id not in jobs):
            continue
        job_assets = [asset for asset in assets if asset.job_id == row.job_id]
        try:
            endpoint = defaults[row.caller_id] if row.endpoint_id is None else row
            secrets = [services.cipher.decrypt(stored) for stored in _valid_secrets(endpoint, now)]
            payload = payload_of(row, jobs.get(row.job_id), job_assets, public_url=public_url)
            messages.append((row, _signed_message(row, render(row, payload), secrets, now)))
        except UnreadableSecret as error:
            waiting.append(_postponed(row, str(error), now))
        except Exception:  # noqa: BLE001 - one malformed row must not keep the others from being sent
            _log.exception("a webhook could not be written", delivery=public_id("delivery", row.id))
            messages.append((row, None))
    if waiting:
        async with services.database.writing() as connection:
            await record_results(connection, waiting)
    return messages


async def _create_defaults(
    services: WebhookServices, caller_ids: Collection[UUID], now: datetime
) -> dict[UUID, Row[Any]]:
    """Create default endpoints, whose secrets sign for jobs' own addresses."""
    if not caller_ids:
        return {}
    async with services.database.writing() as connection:
        return {
            key: await default_endpoint(connection, key, secret=services.cipher.encrypt(new_secret()), at=now)
            for key in caller_ids
        }


async def _stop_endpoints(services: WebhookServices, endpoint_ids: Collection[UUID], now: datetime) -> None:
    """Stop the deliveries to endpoints that were disabled or deleted after the claim."""
    async with services.database.writing() as connection:
        for endpoint_id in endpoint_ids:
            await stop_endpoint(connection, endpoint_id, now)


def _postponed(row: Row[Any], reason: str, now: datetime) -> Mapping[str, Any]:
    """Return the result of a delivery that waits for ``DARKROOM_SECRET_KEY``: no try, and why in its log."""
    _log.error(
        "a webhook waits: its secret can't be read", delivery=public_id("delivery", row.id), reason=reason
    )
    earlier = [entry for entry in read_log(row) if entry.get("problem") != reason]
    return {
        "id": row.id,
        "claim": row.claim,
        "status": DeliveryStatus.PENDING,
        "tries": row.tries,
        "next_at": now + _SECRET_PAUSE,
        "log": append_entry(earlier, ReceiverResponse(None, reason), now),
        "ended_at": None,
    }


def _valid_secrets(endpoint: Row[Any], now: datetime) -> list[str]:
    """Return the stored secrets that sign: during a rotation both."""
    previous = endpoint.previous_secret
    overlapping = previous is not None and endpoint.previous_until > now
    return [endpoint.secret, previous] if overlapping else [endpoint.secret]


def _signed_message(row: Row[Any], body: bytes, secrets: Sequence[str], now: datetime) -> Message:
    headers = signed_headers(public_id("delivery", row.id), now, body, secrets)
    return Message(row.url, headers | ({"webhook-replay": "true"} if row.replayed else {}), body)
