"""Budgets of requests whose clients wait: a used up one is an error, not a wait that nobody ends.

What a client polls (background responses, picture tasks, batches) waits for a higher budget, like any job.
"""

from collections.abc import Callable
from time import monotonic
from uuid import UUID

from api.jobs.long_poll import wait_while_connected
from api.jobs.watcher import JobChange
from api.openai.context import RequestContext
from api.openai.errors import EXHAUSTED
from api.services import ApiServices
from api.web.error_object import INSUFFICIENT
from api.web.problems import Problem
from api.web.request_body import body_of
from models.outcomes import JobError
from models.queries.jobs import find_job
from models.queue_status import SchedulerSnapshot, WaitReason
from models.request import is_background_response
from models.states import JobStatus
from worker import lifecycle
from worker.scheduler.wait_reason import SchedulerView, budget_cause, closed_words

_INTERVAL = 2.0  # seconds between two looks at the budget of a job that waits


async def spent_budget(services: ApiServices, caller_id: UUID, campaign: str | None = None) -> str | None:
    """Return why no call of a caller, or of its campaign, starts until a budget is raised, or ``None``."""
    at = services.clock()
    snapshot = await services.snapshots.read(services.database, at)
    view = SchedulerView(snapshot, at)
    owner = view.caller(caller_id)
    if owner is not None and (cause := budget_cause(owner, at)) is not None and cause.until is None:
        return cause.detail
    closed = view.closed_campaign(caller_id, campaign)
    if closed is not None and closed.reason is WaitReason.CAMPAIGN_BUDGET and closed.until is None:
        return closed_words(closed)
    return None


def budget_problem(why: str) -> Problem:
    """Return the 429 problem of a request for whose job there is no budget; the SDK does not repeat it."""
    return Problem(429, INSUFFICIENT, f"{why} Nothing was sent.", headers={"x-should-retry": "false"})


async def wait_for_job(
    context: RequestContext, job_id: UUID, condition: Callable[[JobChange], bool], *, timeout: float
) -> JobChange | None:
    """Return the first state of a job that meets a condition, or ``None`` after ``timeout`` seconds.

    A queued job for whose call there is no budget is cancelled meanwhile. Raises ``ClientDisconnect``.
    """
    body, watcher, end = body_of(context.request.scope), context.services.watcher, monotonic() + timeout
    while True:
        wait = min(_INTERVAL, max(end - monotonic(), 0.0))
        change = await wait_while_connected(body, watcher, job_id, condition, timeout=wait)
        if change is not None or watcher.released:
            return change
        if not await _cancel_without_budget(context, job_id) and monotonic() >= end:
            return None


async def _cancel_without_budget(context: RequestContext, job_id: UUID) -> bool:
    """Cancel a job that waits for a higher budget; return whether it was."""
    services, caller_id = context.services, context.caller.id
    at = services.clock()
    if not _may_be_spent(await services.snapshots.read(services.database, at), caller_id):
        return False
    async with services.database.reading() as connection:
        row = await find_job(connection, job_id, caller_id=caller_id)
    if row is None or row.status != JobStatus.QUEUED or row.not_before > at:
        return False
    if is_background_response(row.request):
        return False
    if (why := await spent_budget(services, caller_id, row.campaign)) is None:
        return False
    error = JobError(code=EXHAUSTED, message=f"{why} Nothing was sent.", outcome=None, retryable=True)
    async with services.database.writing() as connection:
        return await lifecycle.cancel_unsent(connection, job_id, error, at=at)


def _may_be_spent(snapshot: SchedulerSnapshot, caller_id: UUID) -> bool:
    """Return whether a budget of a caller, or of one of its campaigns, is used up."""
    return any(row.id == caller_id and row.budget_closed_at is not None for row in snapshot.callers) or any(
        each.caller_id == caller_id and each.reason is WaitReason.CAMPAIGN_BUDGET for each in snapshot.closed
    )
