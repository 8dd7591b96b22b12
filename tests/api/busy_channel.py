"""An API whose one channel starts one call a second, and calls that have ended on it."""

from datetime import timedelta
from typing import Any

from models.channels import ChannelSettings
from models.clock import now
from models.ids import new_id
from models.outcomes import Billed, CallResult, Outcome
from models.queries.attempts import AttemptRecord, NewAttempt, finish_attempts, insert_attempts
from models.queries.channels import sync_channels
from models.queries.workers import write_heartbeat
from tests.api.service import S, Service, key_of

CHANNEL = {"name": "one", "base_url": "http://127.0.0.1:1", "api_key": "k", "models": ["*"], "rpm": 60}
WORKER = {"id": new_id(), "name": "w", "version": "0", "slots": 90, "stopping_at": None}


async def make_busy(service: Service) -> Service:
    """Add one channel of one call a second, on which a call of ten seconds has ended."""
    async with service.services.database.writing() as connection:
        await sync_channels(connection, [ChannelSettings.model_validate(CHANNEL)], now())
        await write_heartbeat(connection, {**WORKER, "started_at": now()}, now())
    job = await service.submit(campaign="old")
    await ended_call(service, job, seconds=10)
    await service.move(job, S.QUEUED, S.LEASED, S.RUNNING, S.SUCCEEDED)
    return service


async def ended_call(service: Service, job: dict[str, Any], *, seconds: float) -> None:
    result = CallResult(Outcome.SUCCESS, billed=Billed.YES)
    record = AttemptRecord.of(key_of(job), 1, result, finished_at=now())
    async with service.services.database.writing() as connection:
        await insert_attempts(connection, [sent_call(job, seconds=seconds)])
        await finish_attempts(connection, [record])


def sent_call(job: dict[str, Any], *, seconds: float) -> NewAttempt:
    """Return a call that was sent some seconds ago."""
    return NewAttempt(
        job_id=key_of(job),
        number=1,
        generation=1,
        channel="one",
        worker_id=new_id(),
        sent_at=now() - timedelta(seconds=seconds),
    )
