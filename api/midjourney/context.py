"""Who asks for a task, and what came along."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import structlog
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.jobs.input_images import NewInputImage
from api.midjourney.auth import authenticated
from api.midjourney.deduplication import (
    DuplicateKey,
    DuplicateSubmit,
    duplicate_key_of,
    find_duplicate,
    replayed_response,
)
from api.midjourney.responses import SubmitError, of_problem, refused
from api.midjourney.schemas import Body, read_body
from api.services import ApiServices, services_of
from api.web.problems import problem_of, request_id_of


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Who asks for a task, when, and with what words around it."""

    services: ApiServices
    caller: Caller
    body: Body
    segment: str  #: of the address, before ``/mj``
    at: datetime
    duplicate_key: DuplicateKey | None = None  #: by what the same submit is known again
    pictures: list[NewInputImage] = field(default_factory=list)  #: came along, and are not stored yet


# From a request to a handler's answer: who asks, in which mode, and every failure in an envelope.

Handler = Callable[[Request], Awaitable[Response]]
_B = TypeVar("_B", bound=Body)
_log = structlog.get_logger()


async def asked_for(request: Request, kind: type[_B]) -> tuple[RequestContext, _B]:
    """Return who asks for a task, and the body. Raises ``Refusal``, ``Problem``, ``Repeated``."""
    services = services_of(request)
    caller = await authenticated(request, services)
    body, sent = await read_body(request, kind)
    segment, at = request.path_params.get("mode", ""), services.clock()
    repeat = duplicate_key_of(request, sent, services.settings)
    await find_duplicate(services, caller, repeat, at)
    return RequestContext(services, caller, body, segment, at, repeat), body


def answering(handler: Handler) -> Handler:
    """Let a handler answer its failures in the shape that these clients read."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except DuplicateSubmit as repeated:
            return replayed_response(repeated)
        except SubmitError as refusal:
            return refused(refusal)
        except Exception as error:  # noqa: BLE001 - the surface's edge: whatever broke, the answer is an envelope
            problem = problem_of(error)
            if problem.status >= 500:
                _log.exception("a request broke", request_id=request_id_of(request.scope))
            return of_problem(problem)

    return answer
