"""Login by a one-time link or a key, logout, and the choice of a language; the form of every login."""

from collections.abc import Mapping
from urllib.parse import urlsplit
from uuid import UUID

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.access.audit import describe_change, start_audit
from api.access.cookies import LANGUAGE
from api.auth import UNKNOWN_KEY, Caller, needs_key
from api.dashboard.language.locales import LANGUAGES, locale_of, msgid
from api.dashboard.login.forgery import TOKEN_FIELD, check_origin, check_token
from api.dashboard.login.forms import read_form
from api.dashboard.login.sessions import (
    find_viewer,
    key_of_link,
    open_session,
    remove_cookie,
    set_cookie,
)
from api.dashboard.page import HEADERS, LOGIN, frame
from api.dashboard.templates import render
from api.services import ApiServices, services_of
from api.web.problems import Problem
from models.api_keys import Role
from models.ids import public_id
from models.queries.api_keys import find_hash
from models.queries.dashboard.sessions import end_sessions

_USED_LINK = msgid(
    "This link was used already, or is older than an hour. Start Darkroom again for another, "
    "or make one: darkroom keys link NAME"
)
_YEAR = 365 * 86_400


def safe_target(target: str | None) -> str:
    """Return where a login leads: a page of the dashboard, and nowhere else."""
    parts = urlsplit(target or "")
    inside = parts.path == "/dashboard" or parts.path.startswith("/dashboard/")
    if (
        target
        and not parts.scheme
        and not parts.netloc
        and inside
        and "\\" not in target
        and target.isprintable()
    ):
        return target
    return "/dashboard"


async def show_login(request: Request) -> Response:
    """Show the form; with a session, lead on."""
    services = services_of(request)
    link = request.query_params.get("link", "")
    if not link and await find_viewer(request, services) is not None:
        return RedirectResponse(safe_target(request.query_params.get("next")), 303, headers=HEADERS)
    return login_form(request, services, link=link)


async def log_in(request: Request) -> Response:
    """Open a session by the link or the key in the form, and lead on."""
    check_origin(request)
    services = services_of(request)
    form = await read_form(request)
    link, key, target = (form.get(name, "").strip() for name in ("link", "key", "next"))
    at = services.clock()
    caller: Caller | None = None
    refusal: str = msgid("Paste the key, or open the link that Darkroom printed.")
    async with services.database.writing() as connection:
        if link:
            key_id = await key_of_link(connection, link, at)
            key_hash = await find_hash(connection, key_id) if key_id else None
            refusal = _USED_LINK
    if link and key_hash is not None:
        checked = await services.authenticator.check_hash(key_hash)
        caller, refusal = checked.caller, checked.refusal
    elif key:
        checked = await services.authenticator.check(key)
        caller, refusal = checked.caller, checked.refusal
    if caller is None or caller.key_id is None:
        return login_form(request, services, refusal=refusal or UNKNOWN_KEY, status=401)
    token = await _open(request, services, caller, caller.key_id)
    response = RedirectResponse(safe_target(target), 303, headers=HEADERS)
    set_cookie(response, services, token)
    return response


async def _open(request: Request, services: ApiServices, caller: Caller, key_id: UUID) -> str:
    start_audit(request, caller_id=caller.id, key_id=key_id, by=caller.by, role=caller.role)
    browser = request.headers.get("user-agent", "")
    async with services.database.writing() as connection:
        session_id, token = await open_session(connection, key_id, browser=browser, at=services.clock())
        describe_change(target=public_id("session", session_id), count=1)
    return token


async def log_out(request: Request) -> Response:
    """End the session of this browser."""
    needs_key(request)
    check_origin(request)
    services = services_of(request)
    viewer = await find_viewer(request, services)
    if viewer is not None:
        check_token(viewer.token, (await read_form(request)).get(TOKEN_FIELD))
        caller = viewer.caller
        start_audit(request, caller_id=caller.id, key_id=caller.key_id, by=caller.by, role=caller.role)
        async with services.database.writing() as connection:
            await end_sessions(connection, services.clock(), session_id=viewer.session_id)
            describe_change(target=public_id("session", viewer.session_id), count=1)
        services.sessions.forget()
    response = RedirectResponse(LOGIN, 303, headers=HEADERS)
    remove_cookie(response, services)
    return response


async def choose_language(request: Request) -> Response:
    """Keep the chosen language in a cookie, and lead back."""
    check_origin(request)
    form = await read_form(request)
    language, target = form.get("language", ""), form.get("next", "")
    if language not in LANGUAGES:
        raise Problem(422, "invalid", f"language: choose one of {', '.join(LANGUAGES)}")
    response = RedirectResponse(safe_target(target), 303, headers=HEADERS)
    secure = services_of(request).public_url.startswith("https:")
    response.set_cookie(LANGUAGE, language, max_age=_YEAR, path="/", secure=secure, samesite="lax")
    return response


def login_form(
    request: Request,
    services: ApiServices,
    *,
    link: str = "",
    answer: Mapping[str, str] | None = None,
    refusal: str = "",
    status: int = 200,
    values: Mapping[str, object] | None = None,
) -> Response:
    """Return the page of the login.

    ``link``: of a one-time link, ``answer``: of an OpenID Connect provider, which the browser sends on;
    ``refusal``: why a login failed, with ``values`` for its ``%(name)s``.
    """
    provider = request.app.state.openid
    locale = locale_of(request, services.clock())
    context = frame(request, None, (), locale, None)
    context |= {
        "role": Role.USER,
        "link_token": link,
        "answer": answer,
        "provider": provider.host if provider else None,
        "refusal": locale.text(refusal, **(values or {})) if refusal else "",
        "target": safe_target(request.query_params.get("next")),
    }
    return HTMLResponse(render("login.html", context), status, headers=HEADERS)
