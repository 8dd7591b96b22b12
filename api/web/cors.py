"""CORS of the native API: pages of listed origins may call ``/v1`` (Fetch standard, HTTP-CORS protocol).

Images have rules of their own (``api.image_response``). Keys and tokens are the only permission, never
cookies, so responses allow no credentials.
"""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

_PATHS = "/v1/"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_SDK_HEADERS = (  # of OpenAI's SDK in a browser
    *("Arch", "Async", "Custom-Poll-Interval", "Helper-Method", "Lang", "OS", "Package-Version"),
    *("Poll-Helper", "Retry-Count", "Runtime", "Runtime-Version", "Timeout"),
)
_REQUEST_HEADERS = (
    *("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID", "Prefer"),
    *("X-Request-Id", "OpenAI-Organization", "OpenAI-Project", "OpenAI-Beta"),
    *(f"X-Stainless-{name}" for name in _SDK_HEADERS),
)
_RESPONSE_HEADERS = (
    *("ETag", "Idempotency-Replayed", "Location", "Preference-Applied", "Retry-After", "X-Request-Id"),
    *("X-Darkroom-Job", "X-Darkroom-Missing", "X-Should-Retry"),
)
_MAX_AGE = 600  # seconds that a browser may remember a preflight


class ApiCors:
    """Outermost ASGI middleware: answers preflights, and adds the headers to every response, errors too."""

    def __init__(self, app: ASGIApp, *, origins: Sequence[str]) -> None:
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=_REQUEST_HEADERS,
            expose_headers=_RESPONSE_HEADERS,
            max_age=_MAX_AGE,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"].startswith(_PATHS):
            await self._cors(scope, receive, send)
        else:
            await self._app(scope, receive, send)
