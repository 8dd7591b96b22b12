"""Submits that are answered at once, with a task: how they are recognised, and what they answer."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from api.jobs.schemas import check_web_url
from api.openai.context import RequestContext
from api.openai.errors import JOB_HEADER
from api.openai.results import read_result
from api.openai.synchronous import note
from api.openai.tasks.documents import poll_url, submit_document
from api.openai.tasks.task import picture_task
from api.web.responses import JsonResponse
from models.errors import InvalidRequest
from models.queries.openai.requests import RequestState

ASYNC = "async"
_PATH = "/async"
_PREFERENCE = "respond-async"
_TRUE = frozenset({"true", "1", "yes"})
_RETRY_AFTER = 3  # seconds, as S has it
_WEBHOOK = "webhook"


def wants_task(request: Request, members: dict[str, Any]) -> bool:
    """Return whether a request wants a task; take the member that says so out of its body.

    Raises ``InvalidRequest``.
    """
    given = members.pop(ASYNC, None)
    if given is not None and not isinstance(given, bool) and str(given).lower() not in _TRUE | {"false", "0"}:
        raise InvalidRequest(ASYNC, "must be true or false")
    named = given is True or (given is not None and str(given).lower() in _TRUE)
    queried = request.query_params.get(ASYNC, "").lower() in _TRUE
    return named or queried or request.url.path.endswith(_PATH) or _prefers(request)


def webhook_of(request: Request) -> Mapping[str, str]:
    """Return the field of a job for ``webhook`` in the query. Raises ``InvalidRequest``."""
    url = request.query_params.get(_WEBHOOK)
    if not url:
        return {}
    try:
        return {"webhook_url": check_web_url(url)}
    except ValueError as error:
        raise InvalidRequest(_WEBHOOK, str(error)) from error


async def task_response(context: RequestContext, job_id: UUID) -> Response:
    """Answer with the task of a job that was submitted. Raises ``NotFound``."""
    public_url = context.services.public_url
    task = picture_task(await read_result(context.services, context.caller, job_id), public_url=public_url)
    await note(context, job_id, RequestState.ANSWERED)
    headers = {
        "Location": poll_url(task.id, public_url),
        "Retry-After": str(_RETRY_AFTER),
        "Cache-Control": "no-store",
        JOB_HEADER: task.id,
    }
    if _prefers(context.request):
        headers["Preference-Applied"] = _PREFERENCE
    return JsonResponse(submit_document(task, public_url=public_url), 202, headers=headers)


def _prefers(request: Request) -> bool:
    given = ",".join(request.headers.getlist("prefer"))
    return any(each.strip().lower() == _PREFERENCE for each in given.split(","))
