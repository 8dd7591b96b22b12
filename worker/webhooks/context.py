"""Webhook context: services, HTTP sender and the deliveries in flight of one worker."""

import asyncio
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from uuid import UUID

import httpx

from models.clock import Clock
from models.credentials.encryption import SecretCipher
from models.database import Database
from models.settings import Settings
from worker.download.http_client import open_download_client
from worker.download.ssrf import AllowList
from worker.metrics.http_metrics import timed_requests
from worker.webhooks.sender import Sender

MAX_IN_FLIGHT = 128  #: deliveries in flight in one worker
MAX_PER_HOST = 32  #: of them to one host: a receiver that hangs must not hold up the others


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that this worker has claimed."""

    host: str
    token: UUID  #: of the claim


@dataclass(slots=True)
class InFlightDeliveries:
    """Claimed deliveries of this worker, and the tasks that send them."""

    claimed: dict[UUID, ClaimedDelivery] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    wake_up: asyncio.Event = field(default_factory=asyncio.Event)  #: set when a delivery may be due, or fit

    @property
    def free(self) -> int:
        """How many more deliveries fit."""
        return max(MAX_IN_FLIGHT - len(self.claimed), 0)

    def per_host(self) -> Counter[str]:
        """Count the deliveries in flight by host."""
        return Counter(each.host for each in self.claimed.values())

    def drop(self, delivery_ids: Collection[UUID], token: UUID) -> None:
        """Forget deliveries of one claim: they are recorded, released, or no longer claimed."""
        for delivery_id in delivery_ids:
            if (found := self.claimed.get(delivery_id)) and found.token == token:
                del self.claimed[delivery_id]
        self.wake_up.set()


class WebhookServices(Protocol):
    """What deliveries need of the services of a worker or an API process."""

    @property
    def settings(self) -> Settings:
        """The settings."""

    @property
    def database(self) -> Database:
        """The database."""

    @property
    def clock(self) -> Clock:
        """The database's time."""

    @property
    def cipher(self) -> SecretCipher:
        """Of secrets in the database."""


@dataclass(frozen=True, slots=True)
class WebhookContext:
    """What the dispatcher and the deliveries of one process share."""

    services: WebhookServices
    sender: Sender
    client: httpx.AsyncClient
    in_flight: InFlightDeliveries

    async def close(self) -> None:
        """Close the connections to receivers."""
        await self.client.aclose()


def open_context(services: WebhookServices, wake_up: asyncio.Event) -> WebhookContext:
    """Open a client that reaches public and allowed addresses only. To be called on the loop that uses it.

    ``wake_up`` is set elsewhere when a delivery may be due.
    """
    allow = AllowList.parse(services.settings.allow_private)
    client = open_download_client(allow, MAX_IN_FLIGHT, middlewares=[timed_requests("webhook")])
    timeout = timedelta(seconds=services.settings.webhook_timeout)
    sender = Sender(client, allow, timeout=timeout, clock=services.clock)
    return WebhookContext(services, sender, client, InFlightDeliveries(wake_up=wake_up))
