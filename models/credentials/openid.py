"""OpenID Connect: the issuer's address, and the roles that claims of a person give."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from models.api_keys import Role

_GIVEN = tuple(role for role in Role if role.sees_all)  # in the order of their rights
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def check_issuer(value: str) -> str:
    """Return an issuer's address as it is. Raises ``ValueError`` unless it is HTTPS, or on this machine."""
    parts = urlsplit(value)
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not secure or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError("write https://HOST/PATH as the provider names itself, without a query")
    return value


@dataclass(frozen=True, slots=True)
class RoleMapping:
    """Roles by values of a claim."""

    roles: Mapping[str, Role]

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "RoleMapping":
        """Parse ``VALUE=ROLE``; a value may have ``=`` itself. Raises ``ValueError``."""
        found: dict[str, Role] = {}
        for text in texts:
            value, _, role = (part.strip() for part in text.rpartition("="))
            if not value or role not in _GIVEN:
                raise ValueError(f"{text!r} is no VALUE=ROLE; roles are {', '.join(_GIVEN)}")
            found[value] = Role(role)
        return cls(found)

    def highest(self, value: Any) -> Role | None:
        """Return the highest role that a claim's value gives, a text or a list of them; none: ``None``."""
        values = value if isinstance(value, list) else [value]
        given = [self.roles[each] for each in values if isinstance(each, str) and each in self.roles]
        return max(given, key=_GIVEN.index, default=None)


def find_claim(claims: Mapping[str, Any], path: str) -> Any:
    """Return a claim by its name, or by names of nested ones with dots between them; ``None`` without it."""
    if path in claims:  # names may have dots themselves, such as those of URLs
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
