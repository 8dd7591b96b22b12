"""Pages that show the OpenAPI document. Their links are relative, so that they work below any path."""

from fastapi import FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from starlette.responses import HTMLResponse

_DOCUMENT = "openapi.json"  # beside both pages


def install_pages(app: FastAPI) -> None:
    """Add ``/docs`` and ``/redoc``."""
    title = f"{app.title} API"

    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(openapi_url=_DOCUMENT, title=title)

    async def redoc() -> HTMLResponse:
        return get_redoc_html(openapi_url=_DOCUMENT, title=title)

    for page in (docs, redoc):
        app.add_api_route(f"/{page.__name__}", page, methods=["GET", "HEAD"], include_in_schema=False)
