"""Sessions of browsers: opened by a one-time link or a key, valid while their key is, for 12 hours."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.access.cookies import PLAIN_SESSION, SESSION
from api.auth import Caller
from api.services import ApiServices
from models.credentials.session_tokens import hash_token, new_token
from models.ids import new_id
from models.queries.dashboard.sessions import insert_link, insert_session, use_link

LIFETIME = timedelta(hours=12)
LINK_LIFETIME = timedelta(hours=1)
_LONGEST_BROWSER = 200


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at a page: a caller by its session."""

    caller: Caller
    session_id: UUID
    token: str


def cookie_name(services: ApiServices) -> str:
    """Return the name of the session's cookie: bound to the host by its prefix, where HTTPS allows that."""
    return SESSION if services.public_url.startswith("https:") else PLAIN_SESSION


async def find_viewer(request: Request, services: ApiServices) -> Viewer | None:
    """Return who looks at a page; ``None`` without a session that is open, and whose key is valid."""
    token = request.cookies.get(cookie_name(services), "")
    if not token:
        return None
    session = await services.sessions.find(hash_token(token))
    if session is None:
        return None
    checked = await services.authenticator.check_hash(session.key_hash)
    return None if checked.caller is None else Viewer(checked.caller, session.id, token)


async def open_session(
    connection: AsyncConnection, key_id: UUID, *, browser: str, at: datetime
) -> tuple[UUID, str]:
    """Insert a session of a key; return its id, and its token, of which only the hash is stored."""
    session_id, token = new_id(), new_token()
    await insert_session(
        connection,
        session_id,
        hash_token(token),
        key_id,
        browser=browser[:_LONGEST_BROWSER],
        at=at,
        expires_at=at + LIFETIME,
    )
    return session_id, token


async def key_of_link(connection: AsyncConnection, token: str, at: datetime) -> UUID | None:
    """Use up a one-time link and return its key; ``None`` if it is unknown, used or expired."""
    return await use_link(connection, hash_token(token), at)


async def create_link(connection: AsyncConnection, key_id: UUID, *, public_url: str, at: datetime) -> str:
    """Insert a one-time link of a key, valid for an hour, and return its address."""
    token = new_token()
    await insert_link(connection, hash_token(token), key_id, at=at, expires_at=at + LINK_LIFETIME)
    return f"{public_url.rstrip('/')}/dashboard/login?link={token}"


def set_cookie(response: Response, services: ApiServices, token: str) -> None:
    """Add the session's cookie to a response: no script reads it, and no other site's page sends it."""
    response.set_cookie(
        cookie_name(services),
        token,
        max_age=round(LIFETIME.total_seconds()),
        path="/",
        secure=services.public_url.startswith("https:"),
        httponly=True,
        samesite="strict",
    )


def remove_cookie(response: Response, services: ApiServices) -> None:
    """Remove the session's cookie."""
    secure = services.public_url.startswith("https:")
    response.delete_cookie(cookie_name(services), path="/", secure=secure, httponly=True, samesite="strict")
