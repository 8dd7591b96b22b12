"""Authenticate a caller by its API key in ``mj-api-secret`` or ``Authorization``."""

from collections.abc import Iterator

from starlette.requests import Request

from api.auth import UNKNOWN_KEY, Caller, needs_key
from api.midjourney.responses import SubmitError
from api.services import ApiServices
from models.midjourney.protocol import Code

_PLACEHOLDER = "midjourney-proxy"  # Authorization of clients that have no key for it


async def authenticated(request: Request, services: ApiServices) -> Caller:
    """Return the caller. Raises ``SubmitError`` with status 401."""
    needs_key(request)
    refusal = UNKNOWN_KEY
    for key in _keys(request):
        checked = await services.authenticator.check(key)
        if checked.caller is not None:
            return checked.caller
        if refusal == UNKNOWN_KEY:
            refusal = checked.refusal
    description = f"{refusal} Send yours as mj-api-secret or as Authorization."
    raise SubmitError(Code.INVALID, description, status=401)


def _keys(request: Request) -> Iterator[str]:
    """Yield the keys in the headers; empty ones and placeholders count as absent."""
    authorization = request.headers.get("authorization", "").strip()
    scheme, _, rest = authorization.partition(" ")
    for key in (
        request.headers.get("mj-api-secret", "").strip(),
        rest.strip() if scheme.lower() == "bearer" else authorization,
    ):
        if key and key != _PLACEHOLDER and key.lower() != "bearer":
            yield key
