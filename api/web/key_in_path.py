"""Keys in the path, ``/mj/k/KEY/…``: for clients that can set an address and no header."""

import re
from urllib.parse import quote

from starlette.types import ASGIApp, Receive, Scope, Send

PATH_KEY = "darkroom.path_key"  #: of an ASGI scope: the key that its path had

_PATH = re.compile(r"(/+(?:[^/]+/+)?)mj/+k/+([^/]+)(?:/+(.*))?", re.DOTALL)


class KeyInPath:
    """Outermost ASGI middleware: takes the key out of the path, before anything else sees or logs it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. The scope is changed in place: the server may log it, too."""
        if scope["type"] in ("http", "websocket"):
            path, key = without_key(scope["path"])
            if key is not None:
                scope["path"], scope["raw_path"], scope[PATH_KEY] = path, quote(path).encode("ascii"), key
        await self._app(scope, receive, send)


def without_key(path: str) -> tuple[str, str | None]:
    """Return the path of the same request with its key in a header, and the key.

    Clients append to the address what they append to any: with or without ``/mj``, or a mode before it.
    """
    key = None
    while (match := _PATH.fullmatch(path)) is not None:
        before, key, rest = match[1], match[2], match[3] or ""
        path = f"/{rest}" if "mj" in re.split("/+", rest)[:2] else f"{before}mj/{rest}".rstrip("/")
    return path, key
