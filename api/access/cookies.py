"""Cookies: only the dashboard gets any, and only its own."""

from starlette.types import Scope

SESSION = "__Host-darkroom"  #: of a session over HTTPS; browsers bind it to this host (RFC 6265bis, 4.1.3.2)
PLAIN_SESSION = "darkroom"  #: over plain HTTP, where browsers refuse the prefix
OPENID = "__Host-darkroom-openid"  #: of a login by OpenID Connect that has begun, over HTTPS
PLAIN_OPENID = "darkroom-openid"  #: the same over plain HTTP
LANGUAGE = "darkroom-language"
COLUMNS = "darkroom-columns"  #: of lists, that a browser has chosen
_KNOWN = (SESSION, PLAIN_SESSION, OPENID, PLAIN_OPENID, LANGUAGE, COLUMNS)
_DASHBOARD = "/dashboard"


def without_cookies(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return the headers of a request without cookies that its route must not see."""
    headers: list[tuple[bytes, bytes]] = scope["headers"]
    path = scope["path"]
    if path != _DASHBOARD and not path.startswith(f"{_DASHBOARD}/"):
        return [header for header in headers if header[0] != b"cookie"]
    passed = []
    for name, value in headers:
        if name != b"cookie":
            passed.append((name, value))
            continue
        pairs = [pair.strip() for pair in value.decode("latin-1").split(";")]
        own = [pair for pair in pairs if pair.partition("=")[0] in _KNOWN]
        if own:
            passed.append((name, "; ".join(own).encode("latin-1")))
    return passed
