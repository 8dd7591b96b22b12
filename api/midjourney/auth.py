"""Authenticate a caller by its API key: in a header, in the path, or by its network where settings say so."""

from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.requests import Request

from api.access.roles import may_change
from api.auth import UNKNOWN_KEY, Caller, bind_caller, needs_key
from api.midjourney.responses import SubmitError
from api.services import ApiServices
from api.web.key_in_path import PATH_KEY
from models.midjourney.protocol import Code
from models.settings import Settings

_PLACEHOLDER = "midjourney-proxy"  # Authorization of clients that have no key for it


async def authenticated(request: Request, services: ApiServices, *, changes: bool = False) -> Caller:
    """Return the caller. Raises ``SubmitError`` with status 401; with 403 if its role ``changes`` nothing."""
    needs_key(request)
    refusal = UNKNOWN_KEY
    for key in [*_keys(request)] or _key_of_network(request, services.settings):
        checked = await services.authenticator.check(key)
        if checked.caller is not None:
            bind_caller(request, checked.caller)
            if changes and not may_change(checked.caller.role):
                raise SubmitError(
                    Code.INVALID, f"A key with the role {checked.caller.role} makes no tasks.", status=403
                )
            return checked.caller
        if refusal == UNKNOWN_KEY:
            refusal = checked.refusal
    description = f"{refusal} Send yours as mj-api-secret or as Authorization."
    raise SubmitError(Code.INVALID, description, status=401)


def _keys(request: Request) -> Iterator[str]:
    """Yield the keys in headers and path; empty ones and placeholders count as absent."""
    authorization = request.headers.get("authorization", "").strip()
    scheme, _, rest = authorization.partition(" ")
    for key in (
        request.headers.get("mj-api-secret", "").strip(),
        rest.strip() if scheme.lower() == "bearer" else authorization,
        request.scope.get(PATH_KEY, ""),
    ):
        if key and key != _PLACEHOLDER and key.lower() != "bearer":
            yield key


def _key_of_network(request: Request, settings: Settings) -> Iterator[str]:
    """Yield the key of requests without one, if this one's connection comes from a listed network.

    Not for pages in a browser, which is in the network while the page is anybody's: their requests have an
    ``Origin``, or say that they come from another site.
    """
    key, headers = settings.midjourney_keyless_key, request.headers
    if key is None or request.client is None or "origin" in headers:
        return
    if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return
    if is_listed(request.client.host, settings.midjourney_keyless_networks):
        yield key.get_secret_value()


def is_listed(host: str, networks: tuple[str, ...]) -> bool:
    """Return whether the address of a connection is in one of these networks."""
    try:
        address = ip_address(host)
    except ValueError:  # a socket in the file system has none
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in ip_network(network, strict=False) for network in networks)
