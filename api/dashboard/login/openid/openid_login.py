"""Login by OpenID Connect: to the provider, back with its answer, and the session that this opens.

A cookie keeps what binds an answer to the browser that began (state, nonce, PKCE verifier), so any API
process goes on with it. The address to which the provider leads back changes nothing: its page sends the
answer on as a form of this host, which the cookies (``SameSite=Strict``) and the audit log need.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass
from hmac import compare_digest
from importlib import import_module
from typing import Any

import orjson
from sqlalchemy.exc import IntegrityError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.access.audit import describe_change, start_audit
from api.access.cookies import OPENID, PLAIN_OPENID
from api.dashboard.language.locales import msgid
from api.dashboard.login.forgery import check_origin
from api.dashboard.login.forms import read_form
from api.dashboard.login.login_pages import login_form, safe_target
from api.dashboard.login.openid.errors import LoginRefused
from api.dashboard.login.openid.person import Person, key_of_person, person_of
from api.dashboard.login.sessions import open_session, set_cookie
from api.dashboard.page import HEADERS
from api.services import ApiServices, services_of
from api.web.problems import not_found
from models.api_keys import Role
from models.credentials.session_tokens import new_token
from models.errors import SettingsError
from models.ids import public_id
from models.queries.api_keys import find_identity
from models.queries.dashboard.sessions import end_sessions
from models.settings import Settings

CALLBACK = "/dashboard/login/openid/callback"
_ANSWER = ("code", "state", "iss", "error")  # of what the provider sends back, what is read
_AGE = 600  # seconds from the beginning of a login to its end
_LONGEST = 4096
_NOT_BEGUN = msgid(
    "This login was not begun in this browser, or more than ten minutes ago. Begin again, with cookies on."
)
_OTHER_ISSUER = msgid("The answer came from another login provider than %(host)s. Begin again.")
_REFUSED = msgid("The login provider %(host)s did not let you in (%(error)s).")
_AT_ONCE = msgid("You have logged in twice at once. Begin again.")


@dataclass(frozen=True, slots=True)
class _Begun:
    """A login that has begun in a browser."""

    state: str
    nonce: str
    verifier: str
    target: str

    def packed(self) -> str:
        """Return it as the value of a cookie."""
        return urlsafe_b64encode(orjson.dumps(asdict(self))).decode("ascii").rstrip("=")

    @classmethod
    def unpack(cls, value: str) -> "_Begun | None":
        """Return the login of a cookie; ``None`` if it is none."""
        try:
            found = orjson.loads(urlsafe_b64decode(value + "=" * (-len(value) % 4)))
            fields = {name: found[name] for name in cls.__slots__}
        except (ValueError, TypeError, KeyError):
            return None
        return cls(**fields) if all(isinstance(each, str) for each in fields.values()) else None


def open_provider(settings: Settings) -> Any:
    """Return the provider of the settings, or ``None``. Raises ``SettingsError`` without the extra."""
    if settings.oidc_issuer is None:
        return None
    try:
        return import_module("api.dashboard.login.openid.provider").OpenIdProvider(settings)
    except ImportError as error:
        raise SettingsError(
            ["DARKROOM_OIDC_ISSUER needs the extra oidc: install it as darkroom[oidc]."]
        ) from error


async def begin(request: Request) -> Response:
    """Send the browser to the provider."""
    services, provider = services_of(request), _provider(request)
    target = safe_target(request.query_params.get("next"))
    begun = _Begun(new_token(), new_token(), new_token(), target)
    try:
        url = await provider.login_url(
            services.clock,
            redirect_uri=f"{services.public_url}{CALLBACK}",
            state=begun.state,
            nonce=begun.nonce,
            verifier=begun.verifier,
        )
    except LoginRefused as refused:
        return _refuse(request, services, refused)
    response = RedirectResponse(url, 303, headers=HEADERS)
    secure = services.public_url.startswith("https:")
    response.set_cookie(
        _cookie_name(services),
        begun.packed(),
        max_age=_AGE,
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )
    return response


async def show_answer(request: Request) -> Response:
    """Show the page that sends the provider's answer on; a program that fetches it uses nothing up."""
    _provider(request)
    given = {name: request.query_params.get(name, "")[:_LONGEST] for name in _ANSWER}
    return login_form(
        request, services_of(request), answer={name: each for name, each in given.items() if each}
    )


async def log_in(request: Request) -> Response:
    """Open a session by the provider's answer, and lead on."""
    check_origin(request)
    services, provider = services_of(request), _provider(request)
    form = await read_form(request)
    begun = _Begun.unpack(request.cookies.get(_cookie_name(services), ""))
    try:
        if begun is None or not compare_digest(begun.state.encode(), form.get("state", "").encode()):
            raise LoginRefused(_NOT_BEGUN)
        if form.get("iss", provider.issuer) != provider.issuer:  # RFC 9207
            raise LoginRefused(_OTHER_ISSUER, host=provider.host)
        if "code" not in form:
            raise LoginRefused(_REFUSED, host=provider.host, error=form.get("error", "–")[:100])
        claims = await provider.claims_of(
            services.clock,
            code=form["code"],
            redirect_uri=f"{services.public_url}{CALLBACK}",
            nonce=begun.nonce,
            verifier=begun.verifier,
        )
        token = await _open(request, services, person_of(claims, services.settings))
    except LoginRefused as refused:
        return _refuse(request, services, refused)
    response = RedirectResponse(safe_target(begun.target), 303, headers=HEADERS)
    set_cookie(response, services, token)
    _forget(response, services)
    return response


async def _open(request: Request, services: ApiServices, person: Person) -> str:
    """Open a session of a person; without a role end all that are open."""
    caller, clock = services.settings.oidc_caller, services.clock
    async with services.database.reading() as connection:
        known = await find_identity(connection, person.identity)
    start_audit(
        request,
        caller_id=known.caller_id if known else None,
        key_id=known.id if known else None,
        by=f"{person.name} ({known.caller if known else caller})",
        role=person.role or Role.VIEWER,
    )
    if person.refusal is not None:
        if known is not None:
            async with services.database.writing() as connection:
                ended = await end_sessions(connection, clock(), key_id=known.id)
                describe_change(target=public_id("key", known.id), count=ended, after={"role": None})
            services.sessions.forget()
        raise person.refusal
    try:
        async with services.database.writing() as connection:
            key = await key_of_person(connection, person, caller, clock())
            browser = request.headers.get("user-agent", "")
            session_id, token = await open_session(connection, key.id, browser=browser, at=clock())
            describe_change(target=public_id("session", session_id), count=1)
    except IntegrityError as error:
        raise LoginRefused(_AT_ONCE, status=409) from error
    services.authenticator.forget()  # the role may be another one
    return token


def _provider(request: Request) -> Any:
    provider = request.app.state.openid
    if provider is None:
        raise not_found("This installation has no login by OpenID Connect.")
    return provider


def _refuse(request: Request, services: ApiServices, refused: LoginRefused) -> Response:
    response = login_form(
        request, services, refusal=refused.message, status=refused.status, values=refused.values
    )
    _forget(response, services)
    return response


def _cookie_name(services: ApiServices) -> str:
    return OPENID if services.public_url.startswith("https:") else PLAIN_OPENID


def _forget(response: Response, services: ApiServices) -> None:
    """Remove the cookie of a login that has ended."""
    secure = services.public_url.startswith("https:")
    response.delete_cookie(_cookie_name(services), path="/", secure=secure, httponly=True, samesite="strict")
