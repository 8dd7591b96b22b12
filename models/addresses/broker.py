"""The broker's URL: which kind of broker, where, over TLS or not. Worker, API and doctor read it here."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

NAME = "DARKROOM_BROKER_URL"
_CERT_REQS = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}
_TLS_PARAMETERS = frozenset(
    {"ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname"}
)
_SENTINEL_PARAMETERS = frozenset({"master", "sentinel_username", "sentinel_password"})
_ONE_TRY: Mapping[str, Any] = {"max_retries": 1, "interval_start": 0, "interval_step": 0}  # to publish
_REDIS_OPTIONS: Mapping[str, Any] = {
    "socket_timeout": 10,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "max_connections": 100,
    **_ONE_TRY,
}
_AMQP_OPTIONS: Mapping[str, Any] = {"write_timeout": 10, **_ONE_TRY}
_KNOWN = (
    "memory://, redis://, rediss://, valkey://, valkeys://, sentinel://, sentinels://, amqp:// or amqps://"
)


class BrokerKind(StrEnum):
    """What kind of server the broker is."""

    MEMORY = "memory"
    REDIS = "redis"
    SENTINEL = "sentinel"
    AMQP = "amqp"


_KINDS: Mapping[str, tuple[BrokerKind, bool]] = {
    "memory": (BrokerKind.MEMORY, False),
    "redis": (BrokerKind.REDIS, False),
    "redis+socket": (BrokerKind.REDIS, False),
    "rediss": (BrokerKind.REDIS, True),
    "valkey": (BrokerKind.REDIS, False),
    "valkeys": (BrokerKind.REDIS, True),
    "sentinel": (BrokerKind.SENTINEL, False),
    "sentinels": (BrokerKind.SENTINEL, True),
    "amqp": (BrokerKind.AMQP, False),
    "pyamqp": (BrokerKind.AMQP, False),
    "amqps": (BrokerKind.AMQP, True),
}  # by scheme: the kind, and whether over TLS


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """An address as kombu takes it: URL, TLS arguments and transport options."""

    kind: BrokerKind
    url: str = field(repr=False)  #: with its password
    shown: str  #: without it
    tls: Mapping[str, Any] | None = field(default=None, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)


def parse_broker(url: str, *, ca_file: str | None = None) -> BrokerAddress:
    """Return the broker's address.

    Servers are verified over TLS, with the certificates in ``ca_file`` (PEM) or else those of the system.
    Raises ``ValueError`` with a sentence that says what to write instead.
    """
    try:
        parts = urlsplit(url)
        parameters = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise ValueError(f"it is not a URL ({error}); use {_KNOWN}") from None
    scheme = parts.scheme.lower()
    if "cluster" in scheme:
        raise ValueError(
            "Redis Cluster is not supported: Celery's commands name keys of several slots. "
            "Use one server, or Sentinel (sentinel://HOST:26379/0?master=NAME)"
        )
    if scheme not in _KINDS:
        raise ValueError(f"{scheme or url.partition(':')[0]!r} is not a known broker; use {_KNOWN}")
    kind, encrypted = _KINDS[scheme]
    allowed = (_TLS_PARAMETERS if encrypted else frozenset[str]()) | _parameters_of(kind)
    if unknown := sorted(parameters.keys() - allowed):
        names = ", ".join(sorted(allowed)) or "none"
        raise ValueError(f"its parameter {unknown[0]!r} is not known; {scheme}:// has: {names}")
    tls = _tls_of(parameters, ca_file) if encrypted else None
    shown = f"{scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    match kind:
        case BrokerKind.MEMORY:
            return BrokerAddress(kind, "memory://localhost/", shown, options={"polling_interval": 0.02})
        case BrokerKind.SENTINEL:
            return _sentinel(parts, parameters, tls, shown)
        case BrokerKind.AMQP:
            return _amqp(parts, parameters, tls, shown)
        case BrokerKind.REDIS:
            kombu_scheme = {"valkey": "redis", "valkeys": "rediss"}.get(scheme, scheme)
            plain = f"{kombu_scheme}://{parts.netloc}{parts.path}"
            return BrokerAddress(kind, plain, shown, tls, _redis_options(parameters))


def _parameters_of(kind: BrokerKind) -> frozenset[str]:
    match kind:
        case BrokerKind.MEMORY:
            return frozenset()
        case BrokerKind.REDIS:
            return frozenset({"key_prefix"})
        case BrokerKind.SENTINEL:
            return _SENTINEL_PARAMETERS | {"key_prefix"}
        case BrokerKind.AMQP:
            return frozenset({"heartbeat", "login_method"})


def _tls_of(parameters: Mapping[str, str], ca_file: str | None) -> dict[str, Any]:
    """Return redis-py's TLS arguments; whatever is not set is verified."""
    mode = parameters.get("ssl_cert_reqs", "required").lower().removeprefix("cert_")
    if mode not in _CERT_REQS:
        raise ValueError(f"ssl_cert_reqs is {mode!r}; use required, optional or none")
    wanted = parameters.get("ssl_check_hostname", "true").lower()
    if wanted not in ("true", "false"):
        raise ValueError(f"ssl_check_hostname is {wanted!r}; use true or false")
    tls: dict[str, Any] = {
        "ssl_cert_reqs": _CERT_REQS[mode],
        "ssl_check_hostname": wanted == "true" and mode != "none",
    }
    files = {"ssl_ca_certs": ca_file} | {
        name: parameters[name]
        for name in ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
        if name in parameters
    }
    return tls | {name: path for name, path in files.items() if path}


def _redis_options(parameters: Mapping[str, str]) -> dict[str, Any]:
    prefix = parameters.get("key_prefix")
    return {**_REDIS_OPTIONS, **({"global_keyprefix": prefix} if prefix else {})}


def _sentinel(
    parts: SplitResult, parameters: Mapping[str, str], tls: Mapping[str, Any] | None, shown: str
) -> BrokerAddress:
    """Return the address of the master that several sentinels, with commas between them, agree on."""
    master = parameters.get("master")
    if not master:
        raise ValueError(
            "it lacks the name of the master; write sentinel://HOST:26379,HOST:26379/0?master=NAME"
        )
    credentials, at, hosts = parts.netloc.rpartition("@")
    first, *others = [host for host in hosts.split(",") if host]
    urls = [f"sentinel://{credentials}{at}{first}{parts.path}", *(f"sentinel://{host}" for host in others)]
    sentinel_kwargs: dict[str, Any] = {"socket_timeout": 3, "socket_connect_timeout": 3}
    for name in ("username", "password"):
        if value := parameters.get(f"sentinel_{name}"):
            sentinel_kwargs[name] = value
    if tls is not None:
        sentinel_kwargs |= {"ssl": True, **tls}
    options = {**_redis_options(parameters), "master_name": master, "sentinel_kwargs": sentinel_kwargs}
    return BrokerAddress(BrokerKind.SENTINEL, ";".join(urls), shown, tls, options)


def _amqp(
    parts: SplitResult, parameters: Mapping[str, str], tls: Mapping[str, Any] | None, shown: str
) -> BrokerAddress:
    own = {name: value for name, value in parameters.items() if name not in _TLS_PARAMETERS}
    query = f"?{urlencode(own)}" if own else ""
    names = {
        "ssl_cert_reqs": "cert_reqs",
        "ssl_ca_certs": "ca_certs",
        "ssl_certfile": "certfile",
        "ssl_keyfile": "keyfile",
    }
    arguments = None
    if tls is not None:
        arguments = {names[name]: value for name, value in tls.items() if name in names}
        if tls["ssl_check_hostname"]:
            arguments["server_hostname"] = parts.hostname
    scheme = "amqps" if tls is not None else "amqp"
    address = f"{scheme}://{parts.netloc}{parts.path}{query}"
    return BrokerAddress(BrokerKind.AMQP, address, shown, arguments, _AMQP_OPTIONS)
