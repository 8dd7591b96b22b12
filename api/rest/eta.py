"""When a set of jobs may be done."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.prospects import JobSet, prospect
from api.rest.openapi.route_docs import answers, extra, merged, problems, query, reference
from api.rest.parameters import known_parameters, words
from api.services import services_of
from api.web.responses import JsonAnswer

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
