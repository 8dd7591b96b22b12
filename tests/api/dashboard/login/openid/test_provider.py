"""OpenID Connect provider: what its ID token and its description have to be."""

from collections.abc import Callable
from typing import Any

from joserfc.jwk import OctKey, RSAKey

from tests.api.dashboard.login.openid.conftest import OpenIdLogin

HOUR = 3600


async def test_an_id_token_that_is_not_for_this_login_is_refused(openid: OpenIdLogin) -> None:
    changes: tuple[tuple[Callable[[dict[str, Any]], Any], str], ...] = (
        (lambda claims: claims.update(nonce="other"), "nonce"),
        (lambda claims: claims.pop("nonce"), "nonce"),
        (lambda claims: claims.update(iss="https://evil.example"), "iss"),
        (lambda claims: claims.update(aud="another-client"), "aud"),
        (lambda claims: claims.update(aud=["darkroom", "another"]), "azp"),
        (lambda claims: claims.update(exp=claims["iat"] - HOUR), "expired"),
        (lambda claims: claims.update(iat=claims["iat"] + HOUR), "future"),
        (lambda claims: claims.pop("exp"), "exp"),
        (lambda claims: claims.pop("sub"), "sub"),
        (lambda claims: claims.update(sub="\n"), "named nobody"),
        (lambda claims: claims.pop("groups"), "DARKROOM_OIDC_ROLE"),
    )
    for change, words in changes:
        openid.provider.change = change
        answer = await openid.log_in()
        assert answer.status_code in (401, 403, 502), words
        assert words in answer.text
        assert not any(each.startswith("darkroom=") for each in answer.headers.get_list("set-cookie"))


async def test_a_signature_has_to_be_the_providers(openid: OpenIdLogin) -> None:
    openid.provider.signing = RSAKey.generate_key(2048, {"kid": openid.provider.key.kid}, private=True)
    assert "signature" in (await openid.log_in()).text
    openid.provider.header, openid.provider.signing = {"alg": "HS256"}, OctKey.import_key("s" * 32)
    assert "signature" in (await openid.log_in()).text
    openid.provider.header, openid.provider.signing = {"alg": "none"}, None
    assert "signature" in (await openid.log_in()).text


async def test_a_key_that_has_been_renewed_is_read_again(openid: OpenIdLogin) -> None:
    assert (await openid.log_in()).status_code == 303
    first = openid.provider.key
    openid.provider.key = RSAKey.generate_key(2048, {"kid": "two"}, private=True)
    try:
        assert (await openid.log_in()).status_code == 303
    finally:
        openid.provider.key = first


async def test_a_description_that_leads_elsewhere_is_refused(openid: OpenIdLogin) -> None:
    for described, words in (
        ({"issuer": "https://evil.example"}, "it calls itself"),
        ({"token_endpoint": "http://login.example/token"}, "token_endpoint is no HTTPS address"),
        ({"jwks_uri": None}, "jwks_uri is no HTTPS address"),
        ({"jwks_uri": "http://127.0.0.1:9/keys"}, "can&#39;t be reached"),
        ({"jwks_uri": "https://169.254.169.254/keys"}, "169.254.169.254"),
        ({"padding": "x" * 2**20}, "no end"),
    ):
        openid.provider.described = described
        answer = await openid.begin()
        assert answer.status_code in (401, 502), words
        assert words in answer.text
