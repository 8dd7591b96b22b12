"""Host allow-list: refuses requests that a browser sends here under another site's name (DNS rebinding).

A name that an attacker controls may resolve to this server's address; the browser then takes what this server
answers for that site's own. Only a name can do this: the Host of a request to a bare address is the address.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.types import Scope

from api.web.problems import Problem
from models.settings import Settings

_HEALTH_CHECKS = ("/healthz", "/readyz")  # load balancers send them to an address, or without a host


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """Hosts that requests may name, besides this machine itself."""

    names: frozenset[str]  #: in lower case, without a port; ``*.example.com`` has all names below it
    any_address: bool = False  #: any IP address is accepted
    any_host: bool = False

    @classmethod
    def of(cls, settings: Settings) -> "AllowedHosts":
        """Return the hosts of the settings: theirs, and the one of the public URL.

        Without a list any address is accepted: no name can be confused with it.
        """
        names = {each.lower() for each in settings.allowed_hosts}
        public = urlsplit(settings.public_url).hostname or ""
        return cls(frozenset(names | {public}), any_address=not names, any_host="*" in names)

    def check(self, scope: Scope) -> None:
        """Raise the 421 problem for a request to another host. One without any passes: it is no browser's."""
        if self.any_host or scope["path"] in _HEALTH_CHECKS:
            return
        for name, value in scope["headers"]:
            if name == b"host" and not self.accepts(host := _without_port(value.decode("latin-1"))):
                detail = (
                    f"This server does not answer for the host {host[:100]!r}. If it should, its operator "
                    "adds the host to DARKROOM_ALLOWED_HOSTS, or sets DARKROOM_PUBLIC_URL to it."
                )
                raise Problem(421, "unknown_host", detail)

    def accepts(self, host: str) -> bool:
        """Return whether requests may name a host, which has no port."""
        host = host.lower().removesuffix(".")
        if not host or host in self.names or is_loopback(host):
            return True
        if self.any_address and _is_address(host):
            return True
        return any(name.startswith("*.") and host.endswith(name[1:]) for name in self.names)

    def shown(self) -> str:
        """Return the hosts for people."""
        if self.any_host:
            return "any host"
        names = sorted(self.names - {"localhost", "127.0.0.1"})
        return ", ".join(["localhost", *names, *(["any IP address"] if self.any_address else [])])


def _without_port(authority: str) -> str:
    """Return the host of ``host:port``, without the brackets of an IPv6 address."""
    if authority.startswith("["):
        return authority[1:].partition("]")[0]
    return authority.partition(":")[0].strip()


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return _is_address(host) and ip_address(host).is_loopback


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
