"""Person of a login: role and name by the claims of the provider, and the key that the person has here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.audit import describe_change
from api.access.key_admin import add_key, create_key
from api.dashboard.language.locales import msgid
from api.dashboard.login.openid.errors import LoginRefused
from models.api_keys import ApiKey, KeyState, Role
from models.credentials.openid import RoleMapping, find_claim
from models.ids import public_id
from models.queries.api_keys import change_key, find_identity
from models.queries.callers import list_ids
from models.settings import Settings

_NAMES = ("email", "preferred_username", "name")  # the first that there is, else the subject
_LONGEST, _LONGEST_SUBJECT = 100, 255
_HINT = "OpenID Connect"  # of a key without a secret
_NO_CLAIM = msgid(
    "The login provider said nothing of %(claim)s, which gives the role. An operator of this installation "
    "adds it to the ID token at the provider, or sets DARKROOM_OIDC_ROLE."
)
_NO_ROLE = msgid(
    "%(name)s may not log in: no value of %(claim)s gives a role. An operator of this installation adds one "
    "to DARKROOM_OIDC_ROLES."
)
_NO_SUBJECT = msgid("The login provider named nobody: the claim sub of its ID token is no name.")
_REVOKED = msgid("%(name)s may not log in: an admin has revoked this access (Keys).")


@dataclass(frozen=True, slots=True)
class Person:
    """Who has logged in at the provider."""

    identity: str  #: issuer and subject
    name: str
    role: Role | None  #: ``None``: none, and the login is refused
    refusal: LoginRefused | None = None


def person_of(claims: Mapping[str, Any], settings: Settings) -> Person:
    """Return the person whom the claims of an ID token name. Raises ``LoginRefused`` if they name none."""
    subject, claim = str(claims["sub"]), settings.oidc_role_claim or ""
    if not _is_name(subject) or len(subject) > _LONGEST_SUBJECT:
        raise LoginRefused(_NO_SUBJECT, status=502)
    names: list[Any] = [
        claims.get(each) for each in _NAMES if each != "email" or claims.get("email_verified") is not False
    ]
    name = next((each.strip()[:_LONGEST] for each in names if _is_name(each)), subject[:_LONGEST])
    value = find_claim(claims, claim) if claim else None
    role = RoleMapping.parse(settings.oidc_roles).highest(value) or (
        Role(settings.oidc_role) if settings.oidc_role else None
    )
    refusal = None
    if role is None:
        refusal = LoginRefused(_NO_CLAIM if value is None else _NO_ROLE, status=403, claim=claim, name=name)
    return Person(f"{settings.oidc_issuer} {subject}", name, role, refusal)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


async def key_of_person(connection: AsyncConnection, person: Person, caller: str, at: datetime) -> ApiKey:
    """Return the key of a person, made at the first login, with the role of today's claims.

    Raises ``LoginRefused`` if an admin has revoked it.
    """
    found = await find_identity(connection, person.identity)
    role = person.role or Role.VIEWER
    if found is None:
        callers = await list_ids(connection, name=caller)
        made = (
            await add_key(connection, callers[0], person.name, role=role)
            if callers
            else await create_key(connection, caller, role=role)
        )
        own = {"name": person.name, "identity": person.identity, "key_hint": _HINT}
        await change_key(connection, made.id, **own)
    elif found.state(at) is not KeyState.READY:
        raise LoginRefused(_REVOKED, status=403, name=person.name)
    elif (found.name, found.role) != (person.name, role):
        await change_key(connection, found.id, name=person.name, role=role.value)
        describe_change(
            target=public_id("key", found.id),
            count=1,
            before={"name": found.name, "role": found.role.value},
            after={"name": person.name, "role": role.value},
        )
    key = await find_identity(connection, person.identity)
    assert key is not None, "it was written in this transaction"
    return key
