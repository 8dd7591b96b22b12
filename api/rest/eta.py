"""GET /v1/jobs/eta: jobs left in a campaign or model, their rate, and their ETA."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller, authenticate_reader
from api.jobs.estimates import eta_view
from api.rest.openapi.route_docs import (
    merge_responses,
    problem_responses,
    query_parameter,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import read_query, read_text
from api.services import ApiServices, services_of
from api.web.responses import JsonResponse
from models.queries.call_stats import count_calls, count_in_progress, last_backoff
from models.queries.scheduling.due_jobs import QueueSegment
from models.queries.scheduling.queue_position import LAST_ID, QueueRange, count_ranges, count_segments
from models.queue_status import QueuedJob
from worker.scheduler.eta import CALL, CallDurations, Eta, eta_of
from worker.scheduler.queue_position import QueuePosition, QueueSnapshot, last_position, position_at
from worker.scheduler.wait_reason import SchedulerView

MAX_COUNTED = 100_000  #: queued jobs that are counted at most
_EVER = datetime(9999, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_FEW = 1_000  # queued jobs, up to which the wait after a failed call may be what takes longest


@dataclass(frozen=True, slots=True)
class JobSet:
    """A caller's jobs of one campaign, or model; ``None``: any."""

    campaign: str | None = None
    model: str | None = None


async def estimate_set(services: ApiServices, caller: Caller, job_set: JobSet) -> dict[str, Any]:
    """Return what is left of a set of jobs, its rate and its ETA, as JSON."""
    at = services.clock()
    named = {"campaign": job_set.campaign, "model": job_set.model}
    async with services.database.reading() as connection:
        view = SchedulerView(await services.snapshots.refresh(connection, at), at)
        segments = await _segments(connection, services, caller, job_set, view)
        counts = await _queued(connection, segments, job_set)
        in_progress = await count_in_progress(connection, caller.id, **named)
        names = [row.name for row, _ in view.channels]
        calls = await count_calls(connection, names, at - _MINUTE, caller_id=caller.id, **named)
        durations = await services.estimates.durations(connection, view)
        waiting = _by_model({segment: count for segment, count in counts.items() if count})
        served = [each for each in waiting if view.serves(_model_of(each))]
        ends = [await _end(connection, services, caller, job_set, each, view) for each in served or waiting]
    if not ends and any(in_progress[status] for status in ("leased", "running", "storing")):
        ends = [_of_running(list(durations.values()))]
    queued = sum(counts.values())
    return {
        "object": "eta",
        **named,
        "remaining": {"queued": queued, **in_progress},
        "queued_capped": queued >= MAX_COUNTED,
        "unserved": sum(sum(each.values()) for each in waiting if each not in served),
        "calls_last_minute": calls,
        "eta": eta_view(_latest(ends), at) if ends else None,
    }


async def _segments(
    connection: AsyncConnection, services: ApiServices, caller: Caller, job_set: JobSet, view: SchedulerView
) -> list[QueueSegment]:
    segments = await services.estimates.segments(connection, view.at)
    return [
        segment
        for segment in segments
        if segment.caller_id == caller.id and job_set.model in (None, segment.model)
    ]


async def _queued(
    connection: AsyncConnection, segments: Sequence[QueueSegment], job_set: JobSet
) -> dict[QueueSegment, int]:
    """Count the queued jobs of the set by segment, whether due or not."""
    if job_set.campaign is None:
        found = await count_segments(
            connection, [(segment, MAX_COUNTED) for segment in segments], _EVER, limit=MAX_COUNTED
        )
    else:
        ranges = [
            QueueRange(segment, job_set.campaign, (_EVER, LAST_ID), MAX_COUNTED) for segment in segments
        ]
        found = await count_ranges(connection, ranges, limit=MAX_COUNTED)
    return dict(zip(segments, found, strict=True))


def _by_model(counts: dict[QueueSegment, int]) -> list[dict[QueueSegment, int]]:
    models: defaultdict[str, dict[QueueSegment, int]] = defaultdict(dict)
    for segment, count in counts.items():
        models[segment.model][segment] = count
    return list(models.values())


def _model_of(counts: dict[QueueSegment, int]) -> str:
    return next(iter(counts)).model


async def _end(
    connection: AsyncConnection,
    services: ApiServices,
    caller: Caller,
    job_set: JobSet,
    counts: dict[QueueSegment, int],
    view: SchedulerView,
) -> Eta:
    """Return when the last queued job of one model may be done."""
    model = _model_of(counts)
    snapshot = await services.estimates.queue_snapshot(connection, model, view)
    position = await _last(connection, caller, job_set, counts, snapshot)
    job = QueuedJob(
        model=model,
        caller_id=caller.id,
        not_before=view.at,
        backing_off=False,
        since=view.at,
        campaign=job_set.campaign,
    )
    durations = await services.estimates.durations(connection, view)
    eta = eta_of(job, view.wait_status(job), position, view, durations)
    if sum(counts.values()) > _FEW:
        return eta
    until = await last_backoff(connection, caller.id, campaign=job_set.campaign, model=model)
    if until is None or until <= view.at:
        return eta
    failed = replace(job, not_before=until, backing_off=True)
    return _latest([eta, eta_of(failed, view.wait_status(failed), None, view, durations)])


async def _last(
    connection: AsyncConnection,
    caller: Caller,
    job_set: JobSet,
    counts: dict[QueueSegment, int],
    snapshot: QueueSnapshot,
) -> QueuePosition:
    """Return the position of the set's last job: of the lowest priority, as if all were due."""
    if job_set.campaign is None:
        return await last_position(connection, caller.id, sum(counts.values()), snapshot, limit=MAX_COUNTED)
    lowest = min(counts, key=lambda segment: segment.priority)
    line = (job_set.campaign, lowest.priority)
    return await position_at(connection, caller.id, line, counts[lowest] - 1, snapshot, limit=MAX_COUNTED)


def _of_running(durations: Sequence[CallDurations]) -> Eta:
    """Estimate from the calls of all channels, where all jobs are running."""
    if not durations:
        return Eta(None, None, CALL)
    return Eta(max(each.p50 for each in durations), max(each.p90 for each in durations), CALL)


def _latest(ends: Sequence[Eta]) -> Eta:
    """Return the ETA that ends last; an unknown one counts as that."""
    return max(ends, key=lambda eta: (eta.p50 is None, eta.p50 or 0.0))


_NAMES = frozenset({"campaign", "model"})


async def get_eta(request: Request) -> Response:
    """Return what is left of a set of jobs, its rate and its ETA."""
    services = services_of(request)
    caller = await authenticate_reader(request, services.authenticator)
    given = read_query(request, _NAMES)
    job_set = JobSet(
        campaign=read_text(given, "campaign", longest=128), model=read_text(given, "model", longest=256)
    )
    return JsonResponse(await estimate_set(services, caller, job_set), headers={"Cache-Control": "no-store"})


def add_routes(router: APIRouter) -> None:
    """Add the route. It has to precede that of a single job."""
    router.add_api_route(
        "/v1/jobs/eta",
        get_eta,
        methods=["GET"],
        tags=["jobs"],
        summary="When will a campaign, or all of my jobs, be done?",
        responses=merge_responses(
            response(200, "What is left.", schema_ref("JobSetEtaDocument")), problem_responses(401, 422)
        ),
        openapi_extra=request_docs(
            query_parameter(
                "campaign", "Only jobs of the campaign with this exact name.", type="string", maxLength=128
            ),
            query_parameter(
                "model", "Only jobs of the model with this exact name.", type="string", maxLength=256
            ),
            takes_token=True,
        ),
    )
