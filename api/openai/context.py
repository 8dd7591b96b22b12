"""Context of a request: its caller, its parsed body, and what recognises the same request again."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from starlette.requests import Request

from api.auth import Caller, authenticate
from api.jobs.idempotency import IdempotencyKey, idempotency_key_of
from api.openai.errors import RETRY_HEADER
from api.openai.repeats import Repeat, repeat_of
from api.services import ApiServices, services_of
from api.web.json_body import digest_of, read_json
from api.web.problems import Problem

_KEY_PREFIX = "openai\n"  # keys of the native API have one line, so none collides
_BODY_LIMIT = 16_384  # characters of a content type that are looked at


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What the handlers of one request share."""

    request: Request
    services: ApiServices
    caller: Caller
    at: datetime
    repeat: Repeat
    idempotency_key: IdempotencyKey | None


async def authenticated(request: Request) -> tuple[ApiServices, Caller]:
    """Return the services and the caller of a request. Raises the 401 problem."""
    services = services_of(request)
    return services, await authenticate(request, services.authenticator)


async def json_context(request: Request, *, images: bool = True) -> tuple[RequestContext, dict[str, Any]]:
    """Return the context and the JSON object of a request. Raises ``Problem``."""
    services, caller = await authenticated(request)
    require_json(request)
    raw, value = await read_json(request, caller, images=images)
    if not isinstance(value, dict):
        raise Problem(400, "invalid", "The body must be a JSON object.")
    return await context_of(request, services, caller, raw), value


async def context_of(
    request: Request, services: ApiServices, caller: Caller, content: bytes
) -> RequestContext:
    """Return the context of a request with this content. Raises the 422 problem of a faulty key."""
    repeat = repeat_of(request, caller, await digest_of(content))
    if repeat.counted and services.ceilings.refused.take(repeat.digest):
        repeat = replace(repeat, counted=False)
    request.state.repeat = repeat
    key = idempotency_key_of(request, repeat.digest.digest)
    if key is not None:
        key = IdempotencyKey(_KEY_PREFIX + key.key, key.body_hash)
    return RequestContext(request, services, caller, services.clock(), repeat, key)


def note_refusal(request: Request, problem: Problem) -> None:
    """Note that a limit refused a request: nothing was made, so what its client sends again is no repetition.

    A repetition that is refused stays one: its original may have made something.
    """
    repeat: Repeat | None = getattr(request.state, "repeat", None)
    if problem.status == 429 and RETRY_HEADER not in problem.headers and repeat and not repeat.counted:
        services_of(request).ceilings.refused.note(repeat.digest)


def require_json(request: Request) -> None:
    """Raise the 415 problem unless the body says that it is JSON: no page can send that without asking."""
    given = request.headers.get("content-type", "")[:_BODY_LIMIT].partition(";")[0].strip().lower()
    if given != "application/json" and not (given.startswith("application/") and given.endswith("+json")):
        detail = "Send JSON with `Content-Type: application/json`"
        raise Problem(415, "unsupported_media_type", f"{detail}, not {given[:100]!r}.")
