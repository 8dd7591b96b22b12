"""The native API's addresses, each with its description."""

from fastapi import APIRouter

from api.rest.assets import get_asset, get_picture, preflight
from api.rest.campaigns import add_campaigns
from api.rest.channels import add_channels
from api.rest.eta import add_eta
from api.rest.events import get_events
from api.rest.explain import add_explain
from api.rest.held_jobs import add_held
from api.rest.jobs import LONGEST_PAGE, PAGE, cancel_job, get_job, list_jobs, retry_job
from api.rest.monitoring import healthz, metrics, readyz
from api.rest.openapi.route_docs import (
    comma_separated,
    header_parameter,
    merge_responses,
    path_parameter,
    problem_responses,
    query_parameter,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import INT32, LONGEST_WAIT
from api.rest.reparse import add_reread
from api.rest.submit import MANY, post_jobs
from api.rest.webhooks.deliveries import add_webhooks
from models.states import JobStatus

_JOB = schema_ref("JobDocument")
_JOB_ID = path_parameter("job_id", "as it was given: job_…")
_SUBMIT = {
    "schema": {
        "oneOf": [
            schema_ref("Submission"),
            {
                "type": "object",
                "required": ["jobs"],
                "additionalProperties": False,
                "properties": {
                    "jobs": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": MANY,
                        "items": schema_ref("Submission"),
                    }
                },
            },
        ]
    },
    "examples": {
        "one": {"value": {"model": "gpt-4o-image", "prompt": "a cat"}},
        "many": {"value": {"jobs": [{"model": "gpt-4o-image", "prompt": f"cat {n}"} for n in (1, 2)]}},
    },
}


def build_router() -> APIRouter:
    """Return all routes of the native API."""
    router = APIRouter()
    _add_submit(router)
    add_eta(router)
    _add_looking(router)
    _add_changing(router)
    add_held(router)
    add_reread(router)
    add_campaigns(router)
    _add_assets(router)
    add_webhooks(router)
    add_channels(router)
    _add_operations(router)
    add_explain(router)
    return router


def _add_submit(router: APIRouter) -> None:
    router.add_api_route(
        "/v1/jobs",
        post_jobs,
        methods=["POST"],
        tags=["jobs"],
        summary="Hand in one job, or up to 1,000",
        status_code=202,
        responses=merge_responses(
            response(200, "The job ended while we waited (Prefer: wait).", _JOB),
            response(
                202,
                "Accepted. Each of many is accepted or rejected.",
                {"oneOf": [_JOB, schema_ref("BatchDocument")]},
            ),
            problem_responses(400, 401, 413, 422, 429, 503),
        ),
        openapi_extra=request_docs(
            header_parameter(
                "Idempotency-Key",
                "the same key and body again give the same jobs; another body is refused",
                type="string",
                minLength=1,
                maxLength=255,
                pattern="^[!-~]+$",
            ),
            header_parameter(
                "Prefer",
                f"wait=N: answer when the job has ended, or after N (1–{LONGEST_WAIT}) seconds",
                type="string",
                pattern="^wait=[0-9]{1,2}$",
            ),
            body=_SUBMIT,
        ),
    )


def _add_looking(router: APIRouter) -> None:
    router.add_api_route(
        "/v1/jobs",
        list_jobs,
        methods=["GET"],
        tags=["jobs"],
        summary="List jobs, newest first",
        responses=merge_responses(
            response(200, "A page.", schema_ref("JobPageDocument")), problem_responses(401, 422)
        ),
        openapi_extra=request_docs(
            query_parameter(
                "status", f"one, or several with commas, of {comma_separated(list(JobStatus))}", type="string"
            ),
            query_parameter("model", "its exact name", type="string", maxLength=256),
            query_parameter("campaign", "its exact name", type="string", maxLength=128),
            query_parameter("tag", "one of the job's tags", type="string", maxLength=64),
            query_parameter(
                "surface",
                "the API they came by, such as rest; parts of midjourney tasks are listed only if named",
                type="string",
                maxLength=64,
            ),
            query_parameter("before", "next of the page before", type="string"),
            query_parameter(
                "limit", "jobs per page", type="integer", minimum=1, maximum=LONGEST_PAGE, default=PAGE
            ),
        ),
    )
    router.add_api_route(
        "/v1/jobs/{job_id}",
        get_job,
        methods=["GET"],
        tags=["jobs"],
        summary="Look at a job, or wait for news of it",
        responses=merge_responses(
            response(200, "The job.", _JOB),
            response(304, "Nothing new since the ETag in If-None-Match.", None),
            problem_responses(401, 404, 422),
        ),
        openapi_extra=request_docs(
            _JOB_ID,
            query_parameter(
                "wait",
                "answer when it has ended (or is newer than after_revision), or after so many seconds",
                type="integer",
                minimum=0,
                maximum=LONGEST_WAIT,
            ),
            query_parameter(
                "after_revision", "the revision you know", type="integer", minimum=0, maximum=INT32
            ),
            header_parameter("If-None-Match", "the ETag you have", type="string"),
        ),
    )


def _add_changing(router: APIRouter) -> None:
    router.add_api_route(
        "/v1/jobs/{job_id}/cancel",
        cancel_job,
        methods=["POST"],
        tags=["jobs"],
        summary="Stop a job, also while it runs",
        responses=merge_responses(response(200, "The job.", _JOB), problem_responses(401, 404, 409)),
        openapi_extra=request_docs(_JOB_ID),
    )
    router.add_api_route(
        "/v1/jobs/{job_id}/retry",
        retry_job,
        methods=["POST"],
        tags=["jobs"],
        summary="Start a finished or held job again",
        responses=merge_responses(response(200, "The job, queued.", _JOB), problem_responses(401, 404, 409)),
        openapi_extra=request_docs(_JOB_ID),
    )
    router.add_api_route(
        "/v1/jobs/{job_id}/events",
        get_events,
        methods=["GET"],
        tags=["jobs"],
        summary="Follow a job as server-sent events",
        responses=merge_responses(
            response(
                200,
                "One event per revision: its id is the revision, its data {id, revision, status, progress, "
                "at, detail}. The stream closes after the end of the job.",
                {"type": "string"},
                media_type="text/event-stream",
            ),
            response(204, "The job has ended and there is nothing after Last-Event-ID.", None),
            problem_responses(401, 404, 422),
        ),
        openapi_extra=request_docs(
            _JOB_ID,
            header_parameter(
                "Last-Event-ID", "the revision you saw last", type="integer", minimum=0, maximum=INT32
            ),
        ),
    )


def _add_assets(router: APIRouter) -> None:
    router.add_api_route(
        "/v1/assets/{asset_id}",
        get_asset,
        methods=["GET"],
        tags=["assets"],
        summary="Look at a picture's description",
        responses=merge_responses(
            response(200, "The asset.", schema_ref("AssetPage")), problem_responses(401, 404)
        ),
        openapi_extra=request_docs(path_parameter("asset_id", "as it was given: asset_…")),
    )
    address = "/assets/{token}/{name}"
    router.add_api_route(
        address,
        get_picture,
        methods=["GET"],
        tags=["assets"],
        summary="Fetch a picture; its address is the permission",
        responses=merge_responses(
            response(200, "The picture.", {"type": "string", "format": "binary"}, media_type="image/*"),
            response(
                206, "The part asked for.", {"type": "string", "format": "binary"}, media_type="image/*"
            ),
            response(304, "You have it.", None),
            problem_responses(404, 416, 503),
        ),
        openapi_extra=request_docs(
            path_parameter("token", "unguessable"),
            path_parameter("name", "{position}.{extension}"),
            header_parameter("Range", "bytes=FIRST-LAST", type="string"),
            header_parameter("If-None-Match", "the ETag you have", type="string"),
            key=False,
        ),
    )
    router.add_api_route(address, get_picture, methods=["HEAD"], include_in_schema=False)
    router.add_api_route(address, preflight, methods=["OPTIONS"], include_in_schema=False)


def _add_operations(router: APIRouter) -> None:
    health = schema_ref("HealthDocument")
    router.add_api_route(
        "/healthz",
        healthz,
        methods=["GET"],
        tags=["operations"],
        summary="Is the process alive?",
        responses=response(200, "Yes.", health),
    )
    router.add_api_route(
        "/readyz",
        readyz,
        methods=["GET"],
        tags=["operations"],
        summary="Can it serve?",
        responses=merge_responses(
            response(200, "Yes.", health), response(503, "No; checks says why.", health)
        ),
    )
    router.add_api_route(
        "/metrics",
        metrics,
        methods=["GET"],
        tags=["operations"],
        summary="Figures for Prometheus",
        responses=response(200, "Figures.", {"type": "string"}, media_type="text/plain"),
    )
