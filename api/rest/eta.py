"""When a set of jobs may be done."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller, authenticate
from api.jobs.estimates import eta_view
from api.rest.openapi.route_docs import answers, extra, merged, problems, query, reference
from api.rest.parameters import known_parameters, words
from api.services import Services, services_of
from api.web.responses import JsonAnswer
from models.queries.call_stats import count_calls_of, count_in_work
from models.queries.scheduling.due_jobs import Lane
from models.queries.scheduling.queue_position import LAST, Span, count_lanes, count_spans
from models.queue_status import Queued
from worker.scheduler.eta import CALL, Eta, Tempo, eta_of
from worker.scheduler.queue_position import Crowd, Standing, stand_at, stand_last
from worker.scheduler.wait_reason import Lookout

# What is left of a set of jobs, how fast it goes, and when it may be done.

MOST = 100_000  #: queued jobs that are counted
_EVER = datetime(9999, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class JobSet:
    """A caller's jobs of one campaign, or model; ``None`` means any."""

    campaign: str | None = None
    model: str | None = None


async def prospect(services: Services, caller: Caller, wanted: JobSet) -> dict[str, Any]:
    """Describe what is left of a set."""
    at = services.clock()
    named = {"campaign": wanted.campaign, "model": wanted.model}
    async with services.database.reading() as connection:
        lookout = Lookout(await services.gate.look(connection, at), at)
        lanes = await _lanes(connection, services, caller, wanted, lookout)
        counts = await _queued(connection, lanes, wanted)
        working = await count_in_work(connection, caller.id, **named)
        names = [row.name for row, _ in lookout.outlets]
        calls = await count_calls_of(connection, names, at - _MINUTE, caller_id=caller.id, **named)
        tempos = await services.outlooks.tempos(connection, lookout)
        ends = [
            await _end(connection, services, caller, wanted, each, lookout)
            for each in _by_model({lane: count for lane, count in counts.items() if count})
        ]
    if not ends and any(working[status] for status in ("leased", "running", "storing")):
        ends = [_of_running(list(tempos.values()))]
    queued = sum(counts.values())
    return {
        "object": "eta",
        **named,
        "remaining": {"queued": queued, **working},
        "queued_capped": queued >= MOST,
        "calls_last_minute": calls,
        "eta": eta_view(_latest(ends), at) if ends else None,
    }


async def _lanes(
    connection: AsyncConnection, services: Services, caller: Caller, wanted: JobSet, lookout: Lookout
) -> list[Lane]:
    lanes = await services.outlooks.lanes(connection, lookout.at)
    return [lane for lane in lanes if lane.caller_id == caller.id and wanted.model in (None, lane.model)]


async def _queued(connection: AsyncConnection, lanes: Sequence[Lane], wanted: JobSet) -> dict[Lane, int]:
    """Count the queued jobs of the set by lane, whether due or not."""
    if wanted.campaign is None:
        found = await count_lanes(connection, [(lane, MOST) for lane in lanes], _EVER, most=MOST)
    else:
        spans = [Span(lane, wanted.campaign, (_EVER, LAST), MOST) for lane in lanes]
        found = await count_spans(connection, spans, most=MOST)
    return dict(zip(lanes, found, strict=True))


def _by_model(counts: dict[Lane, int]) -> list[dict[Lane, int]]:
    models: defaultdict[str, dict[Lane, int]] = defaultdict(dict)
    for lane, count in counts.items():
        models[lane.model][lane] = count
    return list(models.values())


async def _end(
    connection: AsyncConnection,
    services: Services,
    caller: Caller,
    wanted: JobSet,
    counts: dict[Lane, int],
    lookout: Lookout,
) -> Eta:
    """Say when the last queued job of one model may be done."""
    model = next(iter(counts)).model
    crowd = await services.outlooks.crowd(connection, model, lookout)
    standing = await _last(connection, caller, wanted, counts, crowd)
    job = Queued(model=model, caller_id=caller.id, not_before=lookout.at, backing_off=False, since=lookout.at)
    tempos = await services.outlooks.tempos(connection, lookout)
    return eta_of(job, lookout.why(job), standing, lookout, tempos)


async def _last(
    connection: AsyncConnection, caller: Caller, wanted: JobSet, counts: dict[Lane, int], crowd: Crowd
) -> Standing:
    """Find the place of the set's last job: of the lowest priority, as if all were due."""
    if wanted.campaign is None:
        return await stand_last(connection, caller.id, sum(counts.values()), crowd, most=MOST)
    lowest = min(counts, key=lambda lane: lane.priority)
    line = (wanted.campaign, lowest.priority)
    return await stand_at(connection, caller.id, line, counts[lowest] - 1, crowd, most=MOST)


def _of_running(tempos: Sequence[Tempo]) -> Eta:
    """Guess from all channels' calls, where only calls are under way."""
    if not tempos:
        return Eta(None, None, CALL)
    return Eta(max(tempo.p50 for tempo in tempos), max(tempo.p90 for tempo in tempos), CALL)


def _latest(ends: Sequence[Eta]) -> Eta:
    """Return the one that ends last; one that nobody knows counts as that."""
    return max(ends, key=lambda eta: (eta.p50 is None, eta.p50 or 0.0))


_NAMES = frozenset({"campaign", "model"})


async def get_eta(request: Request) -> Response:
    """Say what is left of a set, how fast it goes, and when it may be done."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    given = known_parameters(request, _NAMES)
    wanted = JobSet(campaign=words(given, "campaign", longest=128), model=words(given, "model", longest=256))
    return JsonAnswer(await prospect(services, caller, wanted), headers={"Cache-Control": "no-store"})


def add_eta(router: APIRouter) -> None:
    """Add the route. It has to come before that of a single job."""
    router.add_api_route(
        "/v1/jobs/eta",
        get_eta,
        methods=["GET"],
        tags=["jobs"],
        summary="When will a campaign, or all of my jobs, be done?",
        responses=merged(answers(200, "What is left.", reference("ProspectDocument")), problems(401, 422)),
        openapi_extra=extra(
            query("campaign", "only its jobs: its exact name", type="string", maxLength=128),
            query("model", "only its jobs: its exact name", type="string", maxLength=256),
        ),
    )
