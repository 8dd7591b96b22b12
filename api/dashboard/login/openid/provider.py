"""OpenID Connect provider: discovery, the address of a login, and the ID token that a code stands for.

Authorization code flow with PKCE (OpenID Connect Core 1.0, RFC 7636). What the provider names (endpoints,
keys) is read through the SSRF guard, like every address that others choose.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
import orjson
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from api.dashboard.language.locales import msgid
from api.dashboard.login.openid.errors import LoginRefused
from models.clock import Clock
from models.credentials.openid import check_issuer
from models.errors import ImageError
from models.settings import Settings
from worker.download.http_client import open_download_client
from worker.download.ssrf import AllowList, check_host
from worker.metrics.http_metrics import timed_requests

_FRESH = timedelta(minutes=10)  # for which what the provider says of itself is kept
_TIMED = (timed_requests("login"),)
_TIMEOUT = 10.0  # seconds of one request
_MOST_BYTES = 2**20  # of one answer
_LEEWAY = 60  # seconds between two clocks
_ALGORITHMS = frozenset(  # with a private key: none that a client could sign itself
    f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)
) | {"EdDSA", "Ed25519"}
_AWAY = msgid(
    "The login provider %(host)s can't be used now: %(why)s Log in by a key or a link, or try again."
)
_WRONG = msgid("The answer of the login provider %(host)s was refused: %(why)s Begin again.")


@dataclass(frozen=True, slots=True)
class _Description:
    """What the provider says of itself, until a time; its keys are those of ID tokens."""

    until: datetime
    document: Mapping[str, Any]
    keys: KeySet


def _verified(token: str, keys: KeySet) -> jwt.Token | None:
    """Return an ID token whose signature is right, else ``None``."""
    try:
        return jwt.decode(token, keys, algorithms=_ALGORITHMS)
    except (JoseError, ValueError, KeyError, TypeError):
        return None


class OpenIdProvider:
    """The provider of the settings."""

    def __init__(self, settings: Settings) -> None:
        self.issuer, self._client_id = settings.oidc_issuer or "", settings.oidc_client_id or ""
        secret = settings.oidc_client_secret
        self._secret = secret.get_secret_value() if secret else ""
        self._scopes, self._allow = settings.oidc_scopes, AllowList.parse(settings.allow_private)
        self._tls = httpx.create_ssl_context()
        self.host = urlsplit(self.issuer).hostname or ""
        self._described: _Description | None = None
        self._reading = asyncio.Lock()

    async def login_url(
        self, clock: Clock, *, redirect_uri: str, state: str, nonce: str, verifier: str
    ) -> str:
        """Return the address to which a browser is sent. Raises ``LoginRefused``."""
        described = await self._describe(clock())
        url: str = prepare_grant_uri(
            described.document["authorization_endpoint"],
            self._client_id,
            "code",
            redirect_uri=redirect_uri,
            scope=self._scopes,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return url

    async def claims_of(
        self, clock: Clock, *, code: str, redirect_uri: str, nonce: str, verifier: str
    ) -> Mapping[str, Any]:
        """Exchange a code; return the claims of its ID token, once they are checked.

        Raises ``LoginRefused``.
        """
        described = await self._describe(clock())
        tokens = await self._exchange(described.document, code, redirect_uri, verifier)
        token = tokens.get("id_token")
        if not isinstance(token, str):
            raise self._wrong("it has no ID token.")
        signed = _verified(token, described.keys)
        if signed is None:  # by a newer key, perhaps
            signed = _verified(token, (await self._describe(clock(), anew=True)).keys)
        if signed is None:
            raise self._wrong("the signature of the ID token is not its own.")
        access = tokens.get("access_token")
        claims = CodeIDToken(
            signed.claims,
            signed.header,
            options={"iss": {"value": self.issuer}, "aud": {"value": self._client_id}},
            params={
                "nonce": nonce,
                "client_id": self._client_id,
                "access_token": access if isinstance(access, str) else None,
            },
        )
        try:
            claims.validate(int(clock().timestamp()), _LEEWAY)
        except JoseError as error:
            raise self._wrong(f"the ID token is not valid ({error.error}: {error.description}).") from error
        return dict(claims)

    async def _describe(self, at: datetime, *, anew: bool = False) -> _Description:
        """Return what the provider says of itself, no older than ``_FRESH``, read once for all that wait."""
        known = self._described
        async with self._reading:
            found = self._described
            if found is None or found.until <= at or (anew and found is known):
                document = await self._fetch(get_well_known_url(self.issuer, external=True))
                if document.get("issuer") != self.issuer:
                    raise self._wrong(f"it calls itself {str(document.get('issuer'))[:200]!r}.")
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    self._check_endpoint(document, name)
                keys = await self._fetch(document["jwks_uri"])
                try:
                    key_set = KeySet.import_key_set({"keys": keys["keys"]})
                except (JoseError, ValueError, KeyError, TypeError) as error:
                    raise self._wrong("its keys can't be read.") from error
                found = self._described = _Description(at + _FRESH, document, key_set)
        return found

    def _check_endpoint(self, document: Mapping[str, Any], name: str) -> None:
        url = document.get(name)
        try:
            if not isinstance(url, str):
                raise ValueError
            check_issuer(url.partition("?")[0])
        except ValueError as error:
            raise self._wrong(f"its {name} is no HTTPS address.") from error

    async def _exchange(
        self, document: Mapping[str, Any], code: str, redirect_uri: str, verifier: str
    ) -> Mapping[str, Any]:
        """Return the tokens of a code."""
        body = prepare_token_request(
            "authorization_code", redirect_uri=redirect_uri, code=code, code_verifier=verifier
        )
        known = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        method = "client_secret_basic" if "client_secret_basic" in known else "client_secret_post"
        auth = ClientAuth(self._client_id, self._secret, method if self._secret else "none")
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        url, headers, body = auth.prepare("POST", document["token_endpoint"], headers, body)
        return await self._fetch(url, headers=headers, body=body)

    async def _fetch(
        self, url: str, *, headers: Mapping[str, str] | None = None, body: str | None = None
    ) -> Mapping[str, Any]:
        """Return the JSON object that an address answers with; redirects are not followed."""
        sent = {"Accept": "application/json", **(headers or {})}
        try:
            async with (
                asyncio.timeout(_TIMEOUT),
                open_download_client(self._allow, tls=self._tls, middlewares=_TIMED) as client,
            ):
                target = httpx.URL(url)
                check_host(target.host, self._allow)
                method = "GET" if body is None else "POST"
                async with client.stream(method, target, content=body, headers=sent, auth=None) as answer:
                    content = bytearray()
                    async for piece in answer.aiter_bytes():
                        content += piece
                        if len(content) > _MOST_BYTES:
                            raise self._away("its answer has no end.")
                    status = answer.status_code
        except TimeoutError as error:
            raise self._away(f"it did not answer within {_TIMEOUT:g} s.") from error
        except ImageError as error:  # the guard's
            raise self._away(error.message) from error
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, UnicodeError, OSError) as error:
            raise self._away("it can't be reached.") from error
        return self._object(status, bytes(content))

    def _object(self, status: int, content: bytes) -> Mapping[str, Any]:
        try:
            found = orjson.loads(content)
        except ValueError:
            found = None
        if status >= 500 or not isinstance(found, dict):
            raise self._away(f"it answered HTTP {status}.")
        if status != 200:
            raise self._wrong(f"HTTP {status}, {str(found.get('error'))[:100]}.")
        return found

    def _away(self, why: str) -> LoginRefused:
        return LoginRefused(_AWAY, status=502, host=self.host, why=why)

    def _wrong(self, why: str) -> LoginRefused:
        return LoginRefused(_WRONG, host=self.host, why=why)
