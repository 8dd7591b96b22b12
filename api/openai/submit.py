"""Submit the job of a request, once: with an Idempotency-Key, or by joining the same request again."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.jobs.idempotency import find_replay
from api.jobs.served_models import reject_unserved
from api.jobs.submit import insert_submitted
from api.jobs.submit_result import SubmitResult
from api.jobs.validation import Rejection, ValidJob
from api.openai.budget import budget_problem, spent_budget
from api.openai.context import RequestContext
from api.openai.own_pictures import as_named, picture_names
from api.openai.repeats import GRACE, JoinedRequest, TwinWaits
from api.openai.synchronous import note
from api.web.problems import Problem
from api.web.request_body import body_of
from models.queries.openai.requests import RequestState

SURFACE = "openai"
_PARAMS = "params."  # of a member that is passed on: its client wrote it at the top


@dataclass(frozen=True, slots=True)
class SubmittedJob:
    """The job of a request; ``joined``: an earlier request has made it."""

    id: UUID
    joined: bool = False


async def submit_job(
    context: RequestContext, submitted: ValidJob | Rejection, body: Mapping[str, Any]
) -> SubmittedJob:
    """Insert the job of a request, or return the one that the same request has made.

    Raises ``Problem``, which names pictures as ``body`` does.
    """
    valid = (await reject_unserved(context.services, [submitted]))[0]
    if isinstance(valid, Rejection):
        raise _refusal(valid, body)

    try:
        try:
            result = await _insert(context, valid, waited=False)
        except TwinWaits:
            await asyncio.sleep(GRACE)
            result = await _insert(context, valid, waited=True)
    except JoinedRequest as joined:
        return SubmittedJob(joined.object_id, joined=True)
    finally:
        body_of(context.request.scope).release()  # the response may wait for the job
    if result.rejected:
        first = result.rejected[0]
        raise _refusal(Rejection(first["code"], first["errors"]), body)
    return SubmittedJob(result.job_ids[0], joined=result.replayed)


async def _insert(context: RequestContext, valid: ValidJob, *, waited: bool) -> SubmitResult:
    """Insert the job with the record of its request. Raises ``JoinedRequest``, ``TwinWaits``, ``Problem``."""
    services, repeat, by_key = context.services, context.repeat, context.idempotency_key is not None

    async def record(connection: AsyncConnection, result: SubmitResult) -> None:
        for job in result.jobs:
            await repeat.record(connection, job.id, context.at, waited=waited)

    async with services.request_locks.hold(repeat.digest), _joining(context):
        spent = await spent_budget(services, context.caller.id, valid.job.campaign)
        if (repeat.counted or spent) and not by_key:  # before a full queue refuses it
            async with services.database.reading() as connection:
                await repeat.join(connection, context.at)
        if spent is not None:
            return await _replay(context, spent)
        return await insert_submitted(
            services,
            context.caller,
            [valid],
            surface=SURFACE,
            idempotency_key=context.idempotency_key,
            at=context.at,
            in_transaction=None if by_key else record,
        )


@asynccontextmanager
async def _joining(context: RequestContext) -> AsyncIterator[None]:
    """Note that the client of a request that is joined waits now: the next one is joined to another."""
    try:
        yield
    except JoinedRequest as joined:
        await note(context, joined.object_id, RequestState.WAITING)
        raise


async def _replay(context: RequestContext, spent: str) -> SubmitResult:
    """Return what a request with the same key has made. Raises the 429 problem of a used up budget."""
    key = context.idempotency_key
    replay = await find_replay(context.services, context.caller, key, context.at) if key else None
    if replay is None:
        raise budget_problem(spent)
    return replay


def _refusal(rejection: Rejection, body: Mapping[str, Any]) -> Problem:
    """Return the problem of a rejected job, its fields and pictures named as in the client's body."""
    names = picture_names(body)
    errors: list[dict[str, Any]] = [
        {"field": each["field"].removeprefix(_PARAMS), "message": as_named(each["message"], names)}
        for each in rejection.errors
    ]
    detail = "; ".join(f"{each['field']}: {each['message']}" for each in errors)
    return Problem(422, rejection.code, detail, errors=errors)
