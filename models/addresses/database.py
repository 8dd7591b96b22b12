"""The database's URL: as SQLAlchemy and libpq take it, with several hosts, and without its password."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
THRESHOLD = "prepare_threshold"  #: psycopg's parameter: executions until a statement is prepared; None: never
_VERIFYING = frozenset({"verify-ca", "verify-full"})  # values of sslmode
_NEVER = frozenset({"none", "off", ""})
_OWN_PARAMETERS = frozenset({THRESHOLD, "password"})  # that libpq does not take, or not in a URL here
_PASSWORD = re.compile(r"(?<=[?&]password=)[^&]*")
_TIMEOUTS: Mapping[str, str] = {
    "connect_timeout": "10",  # seconds
    "keepalives_idle": "10",  # seconds of silence after which a lost server is detected
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "25000",  # milliseconds until what was sent is acknowledged
}
"""Connection parameters of libpq that bound every wait. The database URL may override them."""


def sqlalchemy_url(url: str, *, prepared: bool = True, ca_file: str | None = None) -> str:
    """Return a database URL with the async driver.

    Several hosts (``postgresql://USER@host1:5432,host2/NAME``, as libpq takes them) become parameters.
    Without ``prepared``, no statement is prepared. ``ca_file`` has the trusted certificates of a URL whose
    ``sslmode`` verifies them and that names no file itself (libpq's own default is one in the home folder).
    Raises ``ValueError`` with what to write instead.
    """
    scheme, _, rest = url.partition(":")
    driver = DRIVERS.get(scheme.split("+", 1)[0])
    if driver is None:
        raise ValueError("use sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME")
    if driver == DRIVERS["sqlite"]:
        return f"{driver}:{rest}"
    written = f"{driver}:{_with_one_host(rest)}"
    try:
        parsed = make_url(written)
    except (ArgumentError, ValueError):
        raise ValueError("it is not a URL; use postgresql://USER:PASSWORD@HOST:5432/NAME") from None
    _threshold_of(parsed)
    added = {} if prepared else {THRESHOLD: "none"}
    if (
        ca_file is not None
        and parsed.query.get("sslmode") in _VERIFYING
        and "sslrootcert" not in parsed.query
    ):
        added["sslrootcert"] = ca_file
    return parsed.update_query_dict(added).render_as_string(hide_password=False) if added else written


def shown_url(url: str) -> str:
    """Return a database URL without its password, whether it is before the host or a parameter."""
    start, marks, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    user, at, hosts = place.rpartition("@")
    if ":" in user:
        user = f"{user.partition(':')[0]}:***"
    return f"{start}{marks}{user}{at}{hosts}{slash}{_PASSWORD.sub('***', path)}"


def driver_arguments(url: URL) -> tuple[URL, dict[str, Any]]:
    """Return the URL without psycopg's own parameters, and the arguments of its ``connect``.

    Of several hosts, the first that takes writes is connected to, unless ``target_session_attrs`` is given.
    """
    arguments: dict[str, Any] = {name: url.query.get(name, value) for name, value in _TIMEOUTS.items()}
    hosts = url.query.get("host", ())
    if not isinstance(hosts, str) and len(hosts) > 1:
        places = [_host_and_port(host) for host in hosts]
        arguments["host"] = ",".join(host for host, _ in places)
        arguments["port"] = ",".join(port for _, port in places)
        arguments["target_session_attrs"] = url.query.get("target_session_attrs", "read-write")
    arguments[THRESHOLD] = _threshold_of(url)
    return url.difference_update_query([THRESHOLD]), arguments


def _threshold_of(url: URL) -> int | None:
    """Return psycopg's threshold; its default is 5."""
    given = str(url.query.get(THRESHOLD, "5"))
    if given.lower() in _NEVER:
        return None
    if not given.isdecimal():
        raise ValueError(
            f"{THRESHOLD}={given} is no number and not None; "
            "set DARKROOM_DATABASE_PREPARED=off so that no statement is prepared"
        )
    return int(given)


def _with_one_host(rest: str) -> str:
    """Move several hosts from their place to parameters, as SQLAlchemy takes them."""
    place, slash, path = rest.removeprefix("//").partition("/")
    user, at, hosts = place.rpartition("@")
    if "," not in hosts:
        return rest
    path, _, query = path.partition("?")
    parameters = [f"host={quote(host, safe=':[]')}" for host in hosts.split(",") if host]
    return f"//{user}{at}{slash}{path}?{'&'.join([*parameters, *([query] if query else [])])}"


def _host_and_port(place: str) -> tuple[str, str]:
    """Split ``host:5432`` or ``[::1]:5432``."""
    host, colon, port = place.rpartition(":")
    if not colon or place.endswith("]"):
        host, port = place, ""
    return host.strip("[]"), port or "5432"


def libpq_address(url: str) -> tuple[str, dict[str, str]]:
    """Return the URL for PostgreSQL's own programs without its password, and the variables that have that."""
    _, marks, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    user, at, hosts = place.rpartition("@")
    user, _, password = user.partition(":")
    if found := _PASSWORD.search(path):
        password, path = found[0], _PASSWORD.sub("", path)
    name, mark, parameters = path.partition("?")
    own = [each for each in parameters.split("&") if each and each.partition("=")[0] not in _OWN_PARAMETERS]
    query = mark + "&".join(own) if own else ""
    variables = {"PGPASSWORD": unquote(password)} if password else {}
    return f"postgresql{marks}{user}{at}{hosts}{slash}{name}{query}", variables
