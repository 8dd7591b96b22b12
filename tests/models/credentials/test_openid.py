"""OpenID Connect settings: what is refused at the start, in words."""

from pathlib import Path
from typing import Any

import pytest

from models.errors import SettingsError
from models.settings import load_settings

GOOD = {
    "oidc_issuer": "https://login.example/realms/main",
    "oidc_client_id": "darkroom",
    "oidc_role": "viewer",
}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"oidc_issuer": "http://login.example"}, "DARKROOM_OIDC_ISSUER"),
        ({"oidc_issuer": "https://login.example?a=b"}, "without a query"),
        ({"oidc_client_id": ""}, "DARKROOM_OIDC_CLIENT_ID"),
        ({"oidc_role": ""}, "nobody could log in"),
        ({"oidc_role": "user"}, "DARKROOM_OIDC_ROLE"),
        ({"oidc_roles": "admins"}, "is no VALUE=ROLE"),
        ({"oidc_roles": "admins=root"}, "roles are viewer"),
        ({"oidc_roles": "admins=admin"}, "DARKROOM_OIDC_ROLE_CLAIM go together"),
        ({"oidc_scopes": "profile"}, "DARKROOM_OIDC_SCOPES"),
    ],
)
def test_a_login_that_cannot_work_is_refused_at_the_start(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load_settings(Path("/dev/null"), **{**GOOD, **changed})


def test_roles_are_read_from_one_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_OIDC_ROLES", "cn=ops,team=operator")
    monkeypatch.setenv("DARKROOM_OIDC_ROLE_CLAIM", "groups")
    with pytest.raises(SettingsError, match="'cn=ops'"):
        load_settings(Path("/dev/null"), **GOOD)
    monkeypatch.setenv("DARKROOM_OIDC_ROLES", "team=a=operator, all=viewer")
    assert load_settings(Path("/dev/null"), **GOOD).oidc_roles == ("team=a=operator", "all=viewer")
