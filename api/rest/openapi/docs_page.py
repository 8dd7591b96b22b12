"""``/docs``: the OpenAPI document in Swagger UI, from files of this package alone."""

from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from api.web.problems import Problem

_FOLDER = Path(__file__).parent / "swagger_ui"  #: its version, licence and sums are in SOURCE.md there
_MEDIA_TYPES = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
_START = "start.js"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)  # Swagger UI sets style attributes, embeds its icons, and shows images of responses as blobs
_HEADERS = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
_FRESH = {"Cache-Control": "public, max-age=3600"}  # an update of Darkroom may bring other files

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Darkroom API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>
This page needs JavaScript; the document itself is <a href="openapi.json">openapi.json</a>.
</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_SCRIPT = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
"""


async def _show_page(request: Request) -> Response:
    return HTMLResponse(_PAGE, headers=_HEADERS)


async def _send_file(request: Request) -> Response:
    name = request.path_params["name"]
    if name == _START:
        return Response(_SCRIPT, media_type="text/javascript", headers=_HEADERS)
    if name not in _MEDIA_TYPES:
        raise Problem(404, "not_found", "The page /docs has no such file.")
    return FileResponse(_FOLDER / name, media_type=_MEDIA_TYPES[name], headers=_HEADERS | _FRESH)


def add_routes(router: APIRouter) -> None:
    """Add the page and its files; none of them is part of the OpenAPI document."""
    router.add_route("/docs", _show_page, methods=["GET"], include_in_schema=False)
    router.add_route("/docs/{name}", _send_file, methods=["GET"], include_in_schema=False)
