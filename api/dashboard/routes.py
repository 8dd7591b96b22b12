"""Routes of the dashboard: pages, login, live stream, files, and the calls of the API that pages send."""

from collections.abc import Awaitable, Callable
from functools import cache

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from api.dashboard import gateway, live
from api.dashboard.language.locales import locale_of
from api.dashboard.login import login_pages
from api.dashboard.login.openid import openid_login
from api.dashboard.login.sessions import find_viewer
from api.dashboard.page import error_page, to_login
from api.dashboard.pages import PAGES
from api.dashboard.static_files import send_file
from api.services import services_of
from api.web.problems import Problem, not_found
from models.clock import now

Handler = Callable[[Request], Awaitable[Response]]
_ANY = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_NO_PAGE = "The dashboard has no such page."


def is_dashboard(path: str) -> bool:
    """Return whether errors of a path are shown as pages: not those of files, streams and calls."""
    inside = path == "/dashboard" or path.startswith("/dashboard/")
    return inside and not path.startswith(("/dashboard/api/", "/dashboard/static/", "/dashboard/events"))


def render_problem(problem: Problem, request_id: str) -> Response:
    """Return the page of an error that occurs outside of all pages, in few words."""
    text = f"{problem.status} {problem.code}: {problem.detail}\n\nRequest {request_id}\n"
    return Response(text, problem.status, problem.headers, media_type="text/plain; charset=utf-8")


async def _root(request: Request) -> Response:
    return RedirectResponse("/dashboard", status_code=307)


async def _no_page(request: Request) -> Response:
    services = services_of(request)
    viewer = await find_viewer(request, services)
    if viewer is None:
        return to_login(request)
    return error_page(request, not_found(_NO_PAGE), PAGES, locale_of(request, now()), viewer)


def _with_page(handler: Handler) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except Problem as problem:
            return error_page(request, problem, PAGES, locale_of(request, now()))

    return handle


def _route(path: str, endpoint: Handler, *methods: str) -> Route:
    return Route(path, endpoint, methods=list(methods or ("GET",)), include_in_schema=False)


@cache
def dashboard_routes() -> list[BaseRoute]:
    """Return the routes; none is part of the OpenAPI document."""
    return [
        _route("/", _root),
        *(page.route(lambda: PAGES) for page in PAGES),
        _route("/dashboard/login", _with_page(login_pages.show_login)),
        _route("/dashboard/login", _with_page(login_pages.log_in), "POST"),
        _route("/dashboard/login/openid", _with_page(openid_login.begin)),
        _route("/dashboard/login/openid", _with_page(openid_login.log_in), "POST"),
        _route(openid_login.CALLBACK, _with_page(openid_login.show_answer)),
        _route("/dashboard/logout", _with_page(login_pages.log_out), "POST"),
        _route("/dashboard/language", _with_page(login_pages.choose_language), "POST"),
        _route("/dashboard/events", live.stream),
        _route("/dashboard/static/{version}/{name:path}", send_file),
        _route("/dashboard/api/{path:path}", gateway.forward, *_ANY),
        _route("/dashboard/{rest:path}", _no_page),
    ]
