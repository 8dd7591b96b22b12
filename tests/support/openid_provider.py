"""A small OpenID Connect provider over HTTP: discovery, a code with PKCE, and an ID token signed by RS256."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "darkroom", "a-secret-of-the-client-0123"


@dataclass
class OpenIdServer:
    """The provider; ``claims``: of the person who logs in, ``change`` alters a token before it is signed."""

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    change: Callable[[dict[str, Any]], None] = lambda claims: None
    header: dict[str, Any] = field(default_factory=dict)
    described: dict[str, Any] = field(default_factory=dict)  #: members of the discovery that differ
    key: Any = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}, private=True))
    signing: Any = None  #: the key of tokens, if it is not ``key``
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    away: bool = False

    def answer(self, path: str, query: Mapping[str, str], form: Mapping[str, str], auth: str) -> Any:
        """Return the answer to a request: a document, the address of a redirect, or a status."""
        if self.away:
            return 503
        match path:
            case "/.well-known/openid-configuration":
                ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
                return {
                    "issuer": self.url,
                    **{name: f"{self.url}/{end}" for name, end in ends.items()},
                    **self.described,
                }
            case "/keys":
                return KeySet([self.key]).as_dict(private=False)
            case "/authorize":
                return self._authorize(query)
            case "/token":
                return self._token(form, auth)
        return 404

    def _authorize(self, query: Mapping[str, str]) -> Any:
        assert (query["response_type"], query["client_id"]) == ("code", CLIENT)
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(8)
        self.codes[code] = dict(query)
        given = {"code": code, "state": query["state"], "iss": self.url}
        return f"{query['redirect_uri']}?{urlencode(given)}"

    def _token(self, form: Mapping[str, str], auth: str) -> Any:
        begun = self.codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        expected = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if (
            begun is None
            or form["redirect_uri"] != begun["redirect_uri"]
            or challenge.decode().rstrip("=") != begun["code_challenge"]
            or auth != expected
        ):
            return 400
        at = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "iat": at, "exp": at + 300, "nonce": begun["nonce"]}
        claims |= {"sub": "248289761001", **self.claims}
        self.change(claims)
        header = {"alg": "RS256", "kid": self.key.kid, **self.header}
        if header["alg"] == "none":
            parts = (base64.urlsafe_b64encode(json.dumps(part).encode()) for part in (header, claims))
            return {"id_token": ".".join(part.decode().rstrip("=") for part in parts) + "."}
        token = jwt.encode(header, claims, self.signing or self.key, algorithms=[header["alg"]])
        return {"id_token": token, "token_type": "Bearer", "access_token": "unused"}


def _handler(server: OpenIdServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._respond({})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self._respond(_first(body))

        def _respond(self, form: Mapping[str, str]) -> None:
            parts = urlsplit(self.path)
            found = server.answer(
                parts.path, _first(parts.query), form, self.headers.get("Authorization", "")
            )
            status = found if isinstance(found, int) else 302 if isinstance(found, str) else 200
            content = json.dumps({"error": "invalid_grant"} if isinstance(found, int) else found).encode()
            self.send_response(status)
            if isinstance(found, str):
                self.send_header("Location", found)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Write no log."""

    return Handler


def _first(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text).items()}


@contextmanager
def serve_openid() -> Iterator[OpenIdServer]:
    """Serve a provider until the block ends."""
    provider = OpenIdServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(provider))
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
