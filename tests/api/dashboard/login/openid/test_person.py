"""Person of a login: the role and the name that claims give."""

from typing import Any

import pytest

from api.dashboard.login.openid.errors import LoginRefused
from api.dashboard.login.openid.person import person_of
from models.settings import Settings

MAPPED = {"oidc_role_claim": "realm_access.roles", "oidc_roles": ("all=viewer", "ops=operator")}
DEFAULT = {"oidc_role": "reviewer"}


@pytest.mark.parametrize(
    ("settings", "claims", "role"),
    [
        (MAPPED, {"realm_access": {"roles": ["all", "ops", "else", 7]}}, "operator"),
        (MAPPED, {"realm_access.roles": "all"}, "viewer"),
        (MAPPED, {"realm_access": ["ops"]}, None),
        (MAPPED, {}, None),
        (MAPPED | DEFAULT, {}, "reviewer"),
        (DEFAULT, {"realm_access": {"roles": ["ops"]}}, "reviewer"),
    ],
)
def test_the_highest_role_of_a_claim_counts_else_the_default(
    settings: dict[str, Any], claims: dict[str, Any], role: str | None
) -> None:
    person = person_of({"sub": "1", **claims}, Settings(oidc_issuer="https://login.example", **settings))
    assert person.role == role
    assert (person.refusal is None) == (role is not None)


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"email": "ann@example.com", "name": "Ann"}, "ann@example.com"),
        ({"email": "boss@example.com", "email_verified": False, "name": "Ann"}, "Ann"),
        ({"email": "a\x1b[1mb", "preferred_username": " ", "name": 7}, "subject"),
        ({"name": "n" * 500}, "n" * 100),
    ],
)
def test_a_name_is_one_that_can_be_shown(claims: dict[str, Any], name: str) -> None:
    found = person_of({"sub": "subject", **claims}, Settings(oidc_issuer="https://login.example", **DEFAULT))
    assert (found.name, found.identity) == (name, "https://login.example subject")


@pytest.mark.parametrize("subject", ["", " ", "a\0b", "s" * 256])
def test_a_subject_that_is_no_name_is_refused(subject: str) -> None:
    with pytest.raises(LoginRefused, match="named nobody"):
        person_of({"sub": subject}, Settings(oidc_issuer="https://login.example", **DEFAULT))
