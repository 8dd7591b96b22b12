"""Round trip: a message through a queue of its own, as the check whether a broker carries messages."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from kombu.connection import Connection
from redis.exceptions import RedisError

from models.addresses.broker import BrokerAddress, BrokerKind

_connect: Any = Connection  # kombu ships no types


class Broker:
    """A connection to a broker, for checks."""

    def __init__(self, connection: Any, kind: BrokerKind, timeout: float) -> None:
        self._connection, self._kind, self._timeout = connection, kind, timeout

    def send_and_receive(self) -> None:
        """Send a message and receive it; raises whatever the transport raises, or ``TimeoutError``."""
        name = f"darkroom.check.{uuid4().hex}"
        queue = self._connection.SimpleQueue(name)
        try:
            queue.put("check")
            try:
                queue.get(timeout=self._timeout).ack()
            except queue.Empty:
                raise TimeoutError("a message was accepted, but did not come back") from None
        finally:
            queue.queue.delete()
            queue.close()

    def eviction_policy(self) -> str:
        """Return Redis' policy when its memory is full; ``noeviction`` if it is unknown, or no Redis."""
        if self._kind not in (BrokerKind.REDIS, BrokerKind.SENTINEL):
            return "noeviction"
        try:
            answer = self._connection.default_channel.client.config_get("maxmemory-policy")
        except RedisError:  # hosted ones may refuse the query
            return "noeviction"
        return str(answer.get("maxmemory-policy", "noeviction"))


@contextmanager
def open_broker(address: BrokerAddress, *, timeout: float) -> Iterator[Broker]:
    """Connect to a broker; ``timeout`` in seconds holds for each step."""
    with _connect(
        address.url,
        ssl=dict(address.tls) if address.tls is not None else False,
        transport_options={**address.options, "socket_timeout": timeout, "socket_connect_timeout": timeout}
        if address.kind in (BrokerKind.REDIS, BrokerKind.SENTINEL)
        else dict(address.options),
        connect_timeout=timeout,
    ) as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=timeout)
        yield Broker(connection, address.kind, timeout)
