"""Check of the installation: package names, variables, open files, public URLs, and the port of the API."""

from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from urllib.parse import urlsplit

import httpx

from api.cli.doctor.findings import Finding, fault, fine
from api.cli.local_database import reachable
from api.server import listen
from models.errors import SettingsError
from models.settings import Settings, unknown_variables
from worker.process.file_limits import files_of, fitting_slots, raise_file_limit

_PACKAGES = ("api", "worker", "models", "migrations")
_WILDCARDS = frozenset({"0.0.0.0", "::", ""})
_TIMEOUT = 2.0  #: seconds
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def check_packages(owners: Mapping[str, list[str]] | None = None) -> Iterator[Finding]:
    """Find other distributions with a package of the same name: one overwrites the other silently."""
    known = packages_distributions() if owners is None else owners
    strangers = {
        package: sorted({owner for owner in known.get(package, ()) if owner != "darkroom"})
        for package in _PACKAGES
    }
    for package, others in strangers.items():
        if others:
            yield fault(
                "packages",
                f"{', '.join(others)} ships a package {package!r} too, which may overwrite Darkroom's.",
                "Install Darkroom into an environment of its own (pipx, uv tool install). After one of "
                "them was uninstalled here: pip install --force-reinstall --no-deps darkroom",
            )
    if not any(strangers.values()):
        yield fine("packages", "no other package has one of Darkroom's names")


def check_file_limit(settings: Settings) -> Iterator[Finding]:
    """Find a limit of open files into which the slots of a worker do not fit."""
    files, pool = raise_file_limit(), settings.database_pool
    needed = files_of(settings.worker_slots, database_pool=pool)
    if files >= needed:
        yield fine("files", f"{files} files may be open; a worker needs {needed}")
    else:
        slots = fitting_slots(files, database_pool=pool)
        yield fault(
            "files",
            f"Only {files} files may be open here: a worker would have {slots} slots instead of "
            f"{settings.worker_slots}.",
            f"Raise the limit to {needed} (ulimit -n; LimitNOFILE= in a systemd unit), "
            "or lower DARKROOM_WORKER_SLOTS.",
        )


def check_variables() -> Iterator[Finding]:
    """Find ``DARKROOM_*`` variables that nothing reads."""
    for sentence in unknown_variables():
        yield fault("settings", sentence, "Correct the name, or unset it.")


def check_port(settings: Settings) -> Iterator[Finding]:
    """Find out whether the API could listen, as it does at its start, or listens there already."""
    if not settings.port:
        yield fine("port", "DARKROOM_PORT is 0: a free port is chosen at the start, and printed")
        return
    address = f"{settings.host}:{settings.port}"
    try:
        listen(settings.host, settings.port).close()
    except SettingsError as error:
        if _is_darkroom(reachable(settings.host), settings.port):
            yield fine("port", f"a Darkroom listens on {address}")
            return
        yield fault("port", " ".join(error.faults), "Set DARKROOM_PORT to a free port, or stop the program.")
    else:
        yield fine("port", f"{address} is free: `darkroom up` and `darkroom serve` will listen there")


def _is_darkroom(host: str, port: int) -> bool:
    """Return whether the program that listens answers as Darkroom does."""
    try:
        answer = httpx.get(f"http://{host}:{port}/healthz", timeout=_TIMEOUT, trust_env=False)
        return bool(answer.json() == {"status": "ok"})
    except (httpx.HTTPError, ValueError):
        return False


def check_addresses(settings: Settings) -> Iterator[Finding]:
    """Find public URLs that other machines can't open."""
    public = urlsplit(settings.public_url)
    if public.scheme not in ("http", "https") or not public.hostname:
        yield fault(
            "addresses",
            f"DARKROOM_PUBLIC_URL is {settings.public_url!r}, which is no URL.",
            "Write it whole, such as https://darkroom.example.org.",
        )
    elif settings.host in _WILDCARDS and public.hostname in _LOOPBACK:
        yield fault(
            "addresses",
            f"The API listens on all interfaces ({settings.host}), but its URLs name {public.hostname}, "
            "which only this machine can open.",
            "Set DARKROOM_PUBLIC_URL to the address that clients use.",
        )
    else:
        yield fine("addresses", f"image URLs begin with {settings.public_url}")
