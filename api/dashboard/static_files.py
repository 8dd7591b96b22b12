"""Scripts, styles and icons of the dashboard: files of this package alone, with a hash in the address.

The hash is of all files: so a module imports another by ``./name.js``, and gets the version of its page.
"""

from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from api.web.problems import not_found

FOLDER = Path(__file__).parent / "static"
_MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str


@cache
def _files() -> dict[str, _File]:
    found = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.suffix in _MEDIA_TYPES:
            content = path.read_bytes()
            name = path.relative_to(FOLDER).as_posix()
            found[name] = _File(content, _MEDIA_TYPES[path.suffix])
    return found


@cache
def _version() -> str:
    digest = sha256()
    for name, file in _files().items():
        digest.update(f"{name}\0{len(file.content)}\0".encode() + file.content)
    return digest.hexdigest()[:12]


def static_url(name: str) -> str:
    """Return the address of a file, which changes with any of them. Raises ``KeyError`` if there is none."""
    if name not in _files():
        raise KeyError(name)
    return f"/dashboard/static/{_version()}/{name}"


async def send_file(request: Request) -> Response:
    """Send a file; it may be kept for ever. An address of another version leads to nothing."""
    file = _files().get(request.path_params["name"])
    if file is None or request.path_params["version"] != _version():
        raise not_found("The dashboard has no such file; load the page again.")
    return Response(file.content, media_type=file.media_type, headers=_HEADERS)
