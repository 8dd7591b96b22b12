"""Whether our packages are ours, and our addresses fit together."""

from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from urllib.parse import urlsplit

from api.cli.doctor.findings import Finding, fault, fine
from models.settings import Settings

_PACKAGES = ("api", "worker", "models", "migrations")
_WILDCARDS = frozenset({"0.0.0.0", "::", ""})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def check_packages(owners: Mapping[str, list[str]] | None = None) -> Iterator[Finding]:
    """Find other distributions that ship a package of our names: one overwrites the other silently."""
    known = packages_distributions() if owners is None else owners
    strangers = {
        package: sorted({owner for owner in known.get(package, ()) if owner != "darkroom"})
        for package in _PACKAGES
    }
    for package, others in strangers.items():
        if others:
            yield fault(
                "packages",
                f"{', '.join(others)} ships a package {package!r} too, which may overwrite ours.",
                f"Uninstall {', '.join(others)}, or install Darkroom into an environment of its own.",
            )
    if not any(strangers.values()):
        yield fine("packages", "nobody else's package has one of our names")


def check_addresses(settings: Settings) -> Iterator[Finding]:
    """Find addresses that we hand out, but that nobody else can open."""
    public = urlsplit(settings.public_url)
    if public.scheme not in ("http", "https") or not public.hostname:
        yield fault(
            "addresses",
            f"DARKROOM_PUBLIC_URL is {settings.public_url!r}, which is no address.",
            "Write it whole, such as https://darkroom.example.org.",
        )
    elif settings.host in _WILDCARDS and public.hostname in _LOOPBACK:
        yield fault(
            "addresses",
            f"The API listens for everybody ({settings.host}), but hands out addresses of {public.hostname}, "
            "which only this machine can open.",
            "Set DARKROOM_PUBLIC_URL to the address that others reach.",
        )
    else:
        yield fine("addresses", f"pictures are handed out under {settings.public_url}")
