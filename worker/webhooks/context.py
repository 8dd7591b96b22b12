"""What sending webhooks works with, made once per worker."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from worker.download.http_client import open_download_client
from worker.download.ssrf import AllowList
from worker.services import WorkerServices
from worker.webhooks.sender import Sender

# What one worker is sending right now.

ROOM = 128  #: deliveries under way in one worker
PER_HOST = 32  #: of them to one host: a receiver that hangs must not hold up the others


@dataclass(frozen=True, slots=True)
class Claimed:
    """One delivery that is this worker's to send."""

    host: str
    token: UUID
    until: datetime


@dataclass(slots=True)
class InFlightDeliveries:
    """Claimed deliveries, and the tasks that send them."""

    under_way: dict[UUID, Claimed] = field(default_factory=dict)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    rung: asyncio.Event = field(default_factory=asyncio.Event)  #: there may be something to send

    @property
    def room(self) -> int:
        """How many more fit."""
        return max(ROOM - len(self.under_way), 0)

    def hosts(self) -> Counter[str]:
        """Count what is under way by host."""
        return Counter(claimed.host for claimed in self.under_way.values())

    def drop(self, delivery_id: UUID) -> None:
        """Nothing more to do for this delivery."""
        self.under_way.pop(delivery_id, None)
        self.rung.set()

    def forget_lost(self, now: datetime) -> None:
        """Forget those whose claim has ended: their message was lost."""
        for delivery_id in [key for key, claimed in self.under_way.items() if claimed.until <= now]:
            del self.under_way[delivery_id]


@dataclass(frozen=True, slots=True)
class WebhookContext:
    """The tools, the one who sends, and what is under way."""

    services: WorkerServices
    sender: Sender
    client: httpx.AsyncClient
    in_flight: InFlightDeliveries

    async def close(self) -> None:
        """Close the connections."""
        await self.client.aclose()


def open_context(services: WorkerServices, rung: asyncio.Event) -> WebhookContext:
    """Open a client that reaches public and allowed addresses only. To be called on the loop that uses it.

    ``rung`` is set when there may be something to send.
    """
    allow = AllowList.parse(services.settings.allow_private)
    client = open_download_client(allow, ROOM)
    timeout = timedelta(seconds=services.settings.webhook_timeout)
    return WebhookContext(
        services,
        Sender(client, allow, timeout=timeout, clock=services.clock),
        client,
        InFlightDeliveries(rung=rung),
    )
