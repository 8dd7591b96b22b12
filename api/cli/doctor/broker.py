"""Check of the broker: it answers, and does not evict messages."""

import asyncio
from collections.abc import Iterator
from typing import Any

from kombu.connection import Connection
from kombu.utils.url import maybe_sanitize_url
from redis import Redis
from redis.exceptions import RedisError

from api.cli.doctor.findings import Finding, fault, fine
from models.settings import Settings

_TIMEOUT = 3.0  #: seconds
_CHECK = "broker"
_connect: Any = Connection  # kombu ships no types


async def check_broker(settings: Settings) -> list[Finding]:
    """Find a broker that is unreachable or evicts messages."""
    if settings.embedded_broker:
        return [fine(_CHECK, "memory:// works within the one process of `darkroom up`")]
    check = _redis if settings.broker_url.startswith(("redis:", "rediss:")) else _other
    return await asyncio.to_thread(lambda: list(check(settings)))


def _redis(settings: Settings) -> Iterator[Finding]:
    place = maybe_sanitize_url(settings.broker_url)
    try:
        with Redis.from_url(
            settings.broker_url, socket_connect_timeout=_TIMEOUT, socket_timeout=_TIMEOUT
        ) as server:
            server.ping()
            yield fine(_CHECK, f"{place} answers")
            yield from _eviction(server)
    except (RedisError, OSError, ValueError) as error:
        yield _unreachable(place, error)


def _eviction(server: Redis) -> Iterator[Finding]:
    """Find a server that evicts messages when its memory is full. Hosted ones may refuse the query."""
    try:
        answer = server.config_get("maxmemory-policy")
    except RedisError:
        return
    policy = dict(answer).get("maxmemory-policy", "noeviction") if isinstance(answer, dict) else "noeviction"
    if policy != "noeviction":
        yield fault(
            _CHECK,
            f"The broker's maxmemory-policy is {policy}: it evicts messages when its memory is full. "
            "No job is lost by that, but they start late.",
            "Set it to noeviction: redis-cli config set maxmemory-policy noeviction",
        )


def _other(settings: Settings) -> Iterator[Finding]:
    place = maybe_sanitize_url(settings.broker_url)
    try:
        with _connect(settings.broker_url, connect_timeout=_TIMEOUT) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=_TIMEOUT)
    except Exception as error:  # noqa: BLE001 - each of kombu's transports raises its own
        yield _unreachable(place, error)
    else:
        yield fine(_CHECK, f"{place} answers")


def _unreachable(place: str, error: Exception) -> Finding:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    return fault(
        _CHECK,
        f"The broker {place} can't be used: {reason}.",
        "Start it, or correct DARKROOM_BROKER_URL. Jobs are accepted meanwhile and run once it is back.",
    )
