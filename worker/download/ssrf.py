"""SSRF guard: which addresses may be reached (public ones, and networks the operator allows).

Metadata addresses of clouds are refused in both, unless the operator allows that very address.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

from models.errors import ImageError, SettingsError
from worker.download.metadata_addresses import metadata_service

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Special-purpose networks (IANA registries); Python's own ``is_global`` differs between patch releases.
_RESERVED_V4 = tuple(
    map(
        IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24"),
            *("192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
            *("224.0.0.0/4", "240.0.0.0/4"),
        ),
    )
)
_RESERVED_V6 = tuple(
    IPv6Network(text)
    for text in ["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"]
)
_UNICAST_V6 = IPv6Network("2000::/3")  #: the only globally allocated part of IPv6
_LAST_32_BITS = tuple(
    IPv6Network(text) for text in ["::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96"]
)  #: compatible, mapped, translated, NAT64: the last 32 bits are an IPv4 address


@dataclass(frozen=True, slots=True)
class AllowList:
    """Allow list of networks that are not public (``DARKROOM_ALLOW_PRIVATE``)."""

    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "AllowList":
        """Parse networks such as ``10.0.0.0/8`` or single addresses. Raises ``SettingsError``."""
        networks, faults = [], []
        for text in filter(None, map(str.strip, texts)):
            try:
                networks.append(ip_network(text))
            except ValueError as error:
                faults.append(f"DARKROOM_ALLOW_PRIVATE: {error}; write networks such as 10.0.0.0/8.")
        if faults:
            raise SettingsError(faults)
        return cls(tuple(networks))

    def permits(self, address: Address) -> bool:
        """Return whether every effective address is allowed or public."""
        return all(self._permits(inner) for inner in effective_addresses(address))

    def _permits(self, address: Address) -> bool:
        """Return whether a network allows an address, or it is public; one of metadata has to be named."""
        if metadata_service(address) is not None:
            return any(network.num_addresses == 1 and address in network for network in self.networks)
        return any(address in network for network in self.networks) or is_public(address)


def is_public(address: Address) -> bool:
    """Return whether every effective address of an address is globally routable."""
    return all(_is_plain_public(inner) for inner in effective_addresses(address))


def effective_addresses(address: Address) -> Iterator[Address]:
    """Yield the addresses that packets would reach: the address itself, or those embedded in it."""
    if isinstance(address, IPv4Address):
        yield address
    elif any(address in network for network in _LAST_32_BITS) and int(address) > 1:
        yield IPv4Address(int(address) & 0xFFFFFFFF)
    elif address.sixtofour is not None:
        yield address.sixtofour
    elif address.teredo is not None:
        yield from address.teredo
    else:
        yield address


def _is_plain_public(address: Address) -> bool:
    if metadata_service(address) is not None:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _RESERVED_V4)
    return address in _UNICAST_V6 and not any(address in network for network in _RESERVED_V6)


def check_host(host: str, allow: AllowList) -> None:
    """Refuse a URL's host if it is, or may be parsed as, a blocked address.

    Names pass; the resolver checks their addresses. An address must be in canonical form: decimal, octal,
    hexadecimal, short and full-width spellings, zones and escapes are refused, because HTTP and socket
    libraries may parse them differently. Raises ``ImageError`` (``asset_blocked_address``).
    """
    literal = _literal(host)
    if literal is not None and not allow.permits(literal):
        raise blocked_address(host, str(literal))


def check_address(text: str, host: str, allow: AllowList) -> None:
    """Refuse an address that ``host`` resolved to. Raises ``ImageError``."""
    try:
        address = ip_address(text)
    except ValueError as error:
        raise blocked_address(host, text) from error
    if getattr(address, "scope_id", None) or not allow.permits(address):
        raise blocked_address(host, text)


def blocked_address(host: str, address: str) -> ImageError:
    """Return the error for a blocked address."""
    service = _metadata_service(address)
    what, fix = (
        ("is not a public address", "add its network")
        if service is None
        else (f"serves credentials of a cloud's machine ({service})", "add this very address")
    )
    return ImageError(
        "asset_blocked_address",
        f"{host[:200]!r} leads to {address[:80]}, which {what}. If you trust it, "
        f"{fix} to DARKROOM_ALLOW_PRIVATE.",
    )


def _metadata_service(text: str) -> str | None:
    """Return the metadata service behind an address, as ``blocked_address`` names it."""
    try:
        inner = effective_addresses(ip_address(text))
    except ValueError:
        return None
    return next(filter(None, map(metadata_service, inner)), None)


def _literal(host: str) -> Address | None:
    """Parse a host that is an address; ``None`` for a name. Raises ``ImageError`` for other spellings."""
    bare = host.removeprefix("[").removesuffix("]")
    if not bare or re.search(r"[%\s\\@/]", bare):
        raise blocked_address(host, "an address in disguise")
    if ":" in bare:
        try:
            return IPv6Address(bare)
        except AddressValueError as error:
            raise blocked_address(host, "a malformed IPv6 address") from error
    return _literal_v4(host, bare)


def _literal_v4(host: str, bare: str) -> IPv4Address | None:
    """Parse a dotted address. By the URL standard, a host whose last label is a number is an address."""
    plain = unicodedata.normalize("NFKC", bare).replace("。", ".").rstrip(".")
    if not re.fullmatch(r"[0-9]+|0[xX][0-9a-fA-F]*", plain.rpartition(".")[2]):
        return None
    try:
        return IPv4Address(bare)
    except AddressValueError as error:
        raise blocked_address(host, "an unusually written IPv4 address") from error
