"""A page of the dashboard: its route, its data, and its response, whole or as a fragment."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from api.access.roles import forbidden
from api.auth import Caller, needs_key
from api.dashboard.language.locales import LANGUAGES, Locale, locale_of, msgid
from api.dashboard.login.sessions import Viewer, find_viewer
from api.dashboard.templates import link, render
from api.services import PAGE_STATEMENT_TIMEOUT, ApiServices, services_of
from api.web.problems import Problem, reported_problem, request_id_of
from models.api_keys import Role
from models.credentials.session_tokens import request_token
from models.errors import QueryTooSlow

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
    "Vary": "HX-Request, Cookie, Accept-Language",
}
LOGIN = "/dashboard/login"
_TOO_SLOW = msgid("The database took more than %(seconds)s seconds for this page, and was stopped.")
_BUSY = msgid("Try again in a moment.")
NARROW_FILTER = msgid("Narrow the filter: a state, a campaign, a model, a caller or a shorter time.")


@dataclass(frozen=True, slots=True)
class PageView:
    """One request for a page; ``services``: as pages use them (``ApiServices.for_pages``)."""

    request: Request
    services: ApiServices
    viewer: Viewer
    locale: Locale

    @property
    def caller(self) -> Caller:
        """Who looks at it."""
        return self.viewer.caller

    @property
    def query(self) -> Mapping[str, str]:
        """Parameters of the address."""
        return self.request.query_params


Loader = Callable[[PageView], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page: ``templates/<name>.html`` with what ``load`` returns.

    ``live``: topics (``api.dashboard.live``) at whose change it is fetched again. ``group``: the part of the
    navigation that has it; none: it is reached from others. ``parent``: the page marked there meanwhile.
    ``least``: the role from which on it is shown; users see what is theirs unless ``least`` is set.
    """

    path: str
    name: str
    title: str
    load: Loader
    live: frozenset[str] = frozenset()
    group: str | None = None
    icon: str = ""
    parent: str | None = None
    least: Role | None = None
    scripts: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)  #: further keys of the page, with what they do
    narrow: str = _BUSY  #: what to do if the database takes too long for the page

    def is_for(self, role: Role) -> bool:
        """Return whether a role is shown it."""
        return self.least is None or role.reaches(self.least)

    def route(self, pages: "Callable[[], tuple[Page, ...]]") -> Route:
        """Return its route."""

        async def endpoint(request: Request) -> Response:
            return await _respond(self, request, pages())

        return Route(
            self.path, endpoint, methods=["GET"], name=f"dashboard_{self.name}", include_in_schema=False
        )


def is_fragment(request: Request) -> bool:
    """Return whether a request wants only what changes: htmx asks for it."""
    return request.headers.get("hx-request") == "true"


async def _respond(page: Page, request: Request, pages: tuple[Page, ...]) -> Response:
    needs_key(request)
    services = services_of(request)
    locale = locale_of(request, services.clock())
    viewer: Viewer | None = None
    try:
        viewer = await find_viewer(request, services)
        if viewer is None:
            return to_login(request)
        if not page.is_for(viewer.caller.role) and page.least is not None:
            raise forbidden(viewer.caller.role, page.least)
        loaded = await page.load(PageView(request, services.for_pages(), viewer, locale))
        shown = render(f"{page.name}.html", {**frame(request, page, pages, locale, viewer), **loaded})
    except QueryTooSlow:
        text = locale.text(_TOO_SLOW, seconds=locale.number(PAGE_STATEMENT_TIMEOUT))
        problem = Problem(503, "too_slow", f"{text} {locale.text(page.narrow)}")
        shown_page = error_page(request, reported_problem(problem, request.scope), pages, locale, viewer)
        if is_fragment(request):
            shown_page.status_code = 200  # htmx swaps no 5xx, so that a server that is away blanks no page
        return shown_page
    except Exception as error:  # noqa: BLE001 - the edge of the page: a person gets a page for any error
        return error_page(request, reported_problem(error, request.scope), pages, locale, viewer)
    return HTMLResponse(shown, headers=HEADERS)


def frame(
    request: Request, page: Page | None, pages: tuple[Page, ...], locale: Locale, viewer: Viewer | None
) -> dict[str, Any]:
    """Return what every template needs."""
    role = Role.USER if viewer is None else viewer.caller.role
    return {
        "layout": "fragment.html" if is_fragment(request) else "page.html",
        "page": page,
        "pages": [each for each in pages if each.group and each.is_for(role)],
        "locale": locale,
        "languages": LANGUAGES,
        "viewer": viewer,
        "role": role,
        "token": request_token(viewer.token) if viewer else "",
        "here": link(request.url.path, dict(request.query_params)),
        "path": request.url.path,
        "query": dict(request.query_params),
        "calls": [],
    }


def to_login(request: Request) -> Response:
    """Return a redirect to the login, which leads back here."""
    here = link(request.url.path, dict(request.query_params)) if request.method == "GET" else "/dashboard"
    target = link(LOGIN, next=None if here == "/dashboard" else here)
    if is_fragment(request):
        return Response(status_code=401, headers={**HEADERS, "HX-Redirect": target})
    return RedirectResponse(target, 303, headers=HEADERS)


def error_page(
    request: Request, problem: Problem, pages: tuple[Page, ...], locale: Locale, viewer: Viewer | None = None
) -> Response:
    """Return a problem as a page."""
    context = frame(request, None, pages, locale, viewer)
    context |= {"problem": problem, "request_id": request_id_of(request.scope)}
    headers = {**HEADERS, **{name: value for name, value in problem.headers.items() if name == "Retry-After"}}
    return HTMLResponse(render("error.html", context), problem.status, headers=headers)
