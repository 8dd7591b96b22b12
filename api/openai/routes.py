"""Routes of the OpenAI-compatible API, with OpenAI's error object for whatever goes wrong on them."""

from collections.abc import Awaitable, Callable
from functools import cache

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from api.openai.batches.handlers import cancel_batch, get_batch, get_batches, post_batch
from api.openai.chat.completions import complete
from api.openai.context import note_refusal
from api.openai.errors import JobFailed, failure_response, problem_response
from api.openai.files.handlers import get_content, get_file, get_files, remove_file
from api.openai.files.upload import post_file
from api.openai.images.edits import edit
from api.openai.images.generations import generate
from api.openai.responses import handlers as responses
from api.openai.tasks.polls import generation, images_task, task, task_list
from api.openai.webhooks.endpoint_test import send_test
from api.openai.webhooks.endpoints import (
    change,
    get_endpoint,
    get_endpoints,
    get_event_types,
    post_endpoint,
    remove,
    rotate_secret,
)
from api.web.problems import Problem, reported_problem, request_id_of

Handler = Callable[[Request], Awaitable[Response]]

ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/v1/chat/completions", complete),
    ("POST", "/v1/responses", responses.create),
    ("GET", "/v1/responses/{response_id}", responses.retrieve),
    ("DELETE", "/v1/responses/{response_id}", responses.delete),
    ("POST", "/v1/responses/{response_id}/cancel", responses.cancel),
    ("POST", "/v1/images/generations", generate),
    ("POST", "/v1/images/generations/async", generate),
    ("POST", "/v1/images/edits", edit),
    ("POST", "/v1/images/edits/async", edit),
    ("GET", "/v1/images/tasks/{task_id}", images_task),
    ("GET", "/v1/images/generations/{task_id}", generation),
    ("GET", "/v1/images/edits/{task_id}", generation),
    ("POST", "/v1/tasks/batch", task_list),
    ("GET", "/v1/tasks/{task_id}", task),
    ("POST", "/v1/files", post_file),
    ("GET", "/v1/files", get_files),
    ("GET", "/v1/files/{file_id}", get_file),
    ("DELETE", "/v1/files/{file_id}", remove_file),
    ("GET", "/v1/files/{file_id}/content", get_content),
    ("POST", "/v1/batches", post_batch),
    ("GET", "/v1/batches", get_batches),
    ("GET", "/v1/batches/{batch_id}", get_batch),
    ("POST", "/v1/batches/{batch_id}/cancel", cancel_batch),
    ("POST", "/v1/webhook_endpoints", post_endpoint),
    ("GET", "/v1/webhook_endpoints", get_endpoints),
    ("GET", "/v1/webhook_endpoints/{endpoint_id}", get_endpoint),
    ("POST", "/v1/webhook_endpoints/{endpoint_id}", change),
    ("DELETE", "/v1/webhook_endpoints/{endpoint_id}", remove),
    ("POST", "/v1/webhook_endpoints/{endpoint_id}/rotate_secret", rotate_secret),
    ("POST", "/v1/webhook_endpoints/{endpoint_id}/test", send_test),
    ("GET", "/v1/webhook_event_types", get_event_types),
)
"""Method, path and handler."""

FAMILIES = (
    *("images", "chat", "responses", "tasks"),
    *("files", "uploads", "batches", "webhook_endpoints", "webhook_event_types"),
    *("completions", "embeddings", "moderations", "audio", "videos"),
)
"""First segments below ``/v1/`` that belong to this API, also where Darkroom serves nothing there."""

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@cache
def openai_routes() -> list[BaseRoute]:
    """Return the routes of the API; the last ones answer for what it does not serve."""
    served = [Route(path, with_error_object(handler), methods=[method]) for method, path, handler in ROUTES]
    missing = with_error_object(_not_served)
    paths = (path for family in FAMILIES for path in (f"/v1/{family}", f"/v1/{family}/{{rest:path}}"))
    return [*served, *(Route(path, missing, methods=list(_METHODS)) for path in paths)]


def is_openai(path: str) -> bool:
    """Return whether a path belongs to this API."""
    _, version, family, *_ = (*path.split("/"), "", "", "")
    return version == "v1" and family in FAMILIES


def render_problem(problem: Problem, request_id: str) -> Response:
    """Render a problem of the middleware, before any handler ran."""
    return problem_response(problem, request_id)


def with_error_object(handler: Handler) -> Handler:
    """Wrap a handler: every exception becomes a response with OpenAI's error object."""

    async def respond(request: Request) -> Response:
        try:
            return await handler(request)
        except JobFailed as failed:
            return failure_response(failed.failure)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - the API's edge: any failure becomes an error object
            return _error_response(request, reported_problem(error, request.scope))

    return respond


def _error_response(request: Request, problem: Problem) -> Response:
    note_refusal(request, problem)
    return problem_response(problem, request_id_of(request.scope))


async def _not_served(request: Request) -> Response:
    path = request.url.path
    allowed = sorted(
        {method for method, route, _ in ROUTES if Route(route, _not_served).path_regex.match(path)}
    )
    if allowed:
        detail = f"This address takes {', '.join(allowed)}, not {request.method}."
        raise Problem(405, "method_not_allowed", detail, headers={"Allow": ", ".join(allowed)})
    raise Problem(404, "not_found", f"Darkroom serves nothing at {path[:200]!r}; see docs/openai.md.")
