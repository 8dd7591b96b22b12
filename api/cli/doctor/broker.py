"""Check of the broker: a message goes through it, and it does not evict messages."""

import asyncio
from collections.abc import Iterator

from api.cli.doctor.findings import Finding, fault, fine
from models.settings import Settings
from worker.broker.broker_errors import explain_broker_error
from worker.broker.round_trip import open_broker

_TIMEOUT = 3.0  #: seconds
_CHECK = "broker"


async def check_broker(settings: Settings) -> list[Finding]:
    """Find a broker that carries no messages or evicts them."""
    if settings.embedded_broker:
        return [fine(_CHECK, "memory:// works within the one process of `darkroom up`")]
    return await asyncio.to_thread(lambda: list(_check(settings)))


def _check(settings: Settings) -> Iterator[Finding]:
    place = settings.broker.shown
    try:
        with open_broker(settings.broker, timeout=_TIMEOUT) as broker:
            broker.send_and_receive()
            yield fine(_CHECK, f"a message went through {place} and came back")
            policy = broker.eviction_policy()
    except Exception as error:  # noqa: BLE001 - each of kombu's transports raises its own
        yield fault(
            _CHECK,
            f"The broker {place} can't be used: {explain_broker_error(error).rstrip('.')}.",
            "Start it, or correct DARKROOM_BROKER_URL. Meanwhile workers start jobs by the database alone.",
        )
        return
    if policy != "noeviction":
        yield fault(
            _CHECK,
            f"The broker's maxmemory-policy is {policy}: it evicts messages when its memory is full. "
            "No job is lost by that, but they start late.",
            "Set it to noeviction: redis-cli config set maxmemory-policy noeviction",
        )
