"""Deciding about held jobs: call again, or give up; one job or many."""

from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.decision_bodies import Chosen, chosen_in, reason_in
from api.jobs.held_jobs import FAIL, RELEASE, Decision, decide_all, decide_some
from api.jobs.reader import read_job
from api.rest.jobs import job_answer, own_job
from api.services import services_of
from api.web.json_body import read_json
from api.web.responses import JsonAnswer
from models.errors import Conflict


async def release_job(request: Request) -> Response:
    """Let a held job call again."""
    return await _one(request, RELEASE, "")


async def fail_job(request: Request) -> Response:
    """Give a held job up, for the reason in the body, if there is one."""
    value = (await read_json(request))[1] if await request.body() else {}
    return await _one(request, FAIL, reason_in(value))


async def release_jobs(request: Request) -> Response:
    """Let many held jobs call again."""
    return await _many(request, RELEASE)


async def fail_jobs(request: Request) -> Response:
    """Give many held jobs up."""
    return await _many(request, FAIL)


async def _one(request: Request, decision: Decision, reason: str) -> Response:
    services, caller, job_id = await own_job(request)
    result = await decide_some(services, caller, [job_id], decision, reason)
    if result.refused:
        raise Conflict(result.refused[0]["message"])
    return job_answer(request, await read_job(services, caller, job_id))


async def _many(request: Request, decision: Decision) -> Response:
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    _, value = await read_json(request)
    chosen: Chosen = chosen_in(value, takes_reason=decision.takes_reason)
    if chosen.filter is not None:
        result = await decide_all(services, caller, chosen.filter, decision, chosen.reason)
    else:
        result = await decide_some(
            services, caller, chosen.job_ids, decision, chosen.reason, unknown=chosen.unknown
        )
    return JsonAnswer(result.document(), headers={"Cache-Control": "no-store"})
