"""Calls of the API from pages: the session's caller calls the API's own route, in this process.

``/dashboard/api/v1/…`` is the route ``/v1/…`` with the session in place of a key: the same handler, the same
check of the role, the same audit entry. A call that changes something needs the token of the session.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from api.access.audit import THROUGH
from api.auth import SESSION_CALLER, needs_key
from api.dashboard.login.forgery import TOKEN_HEADER, check_origin, check_token
from api.dashboard.login.sessions import find_viewer
from api.services import services_of
from api.web.problems import Problem, not_found

PREFIX = "/dashboard/api"
_SAFE = frozenset({"GET", "HEAD"})
_SANDBOX = (b"content-security-policy", b"default-src 'none'; sandbox; frame-ancestors 'none'")
_NOSNIFF = (b"x-content-type-options", b"nosniff")


class _Forwarded(Response):
    """The response of another route of the app."""

    def __init__(self, path: str, extra: dict[str, object]) -> None:
        super().__init__()
        self._path, self._extra = path, extra

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the route; what it answers runs nothing in a browser."""
        headers = [header for header in scope["headers"] if header[0] not in (b"cookie", b"authorization")]
        inner = {
            **scope,
            **self._extra,
            "path": self._path,
            "raw_path": self._path.encode(),
            "headers": headers,
        }
        for name in ("route", "endpoint", "path_params", "router"):
            inner.pop(name, None)

        async def send_inert(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), _SANDBOX, _NOSNIFF]}
            await send(message)

        await scope["app"].router(inner, receive, send_inert)


async def forward(request: Request) -> Response:
    """Call the route of the API in the path. Raises the 401, 403 and 404 problems."""
    needs_key(request)
    services = services_of(request)
    viewer = await find_viewer(request, services)
    if viewer is None:
        raise Problem(401, "unauthorized", "Your session has ended; log in again.")
    if request.method not in _SAFE:
        check_origin(request)
        check_token(viewer.token, request.headers.get(TOKEN_HEADER))
    path = request.url.path.removeprefix(PREFIX)
    if not path.startswith("/v1/"):
        raise not_found("There is nothing at this address; see /docs.")
    return _Forwarded(path, {SESSION_CALLER: viewer.caller, THROUGH: "dashboard"})
