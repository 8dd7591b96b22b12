"""What sending webhooks works with, made once per worker."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import httpx

from worker.download.http_client import open_download_client
from worker.download.ssrf import AllowList
from worker.services import Tools
from worker.webhooks.outgoing import ROOM, Outgoing
from worker.webhooks.sender import Sender


@dataclass(frozen=True, slots=True)
class Office:
    """The tools, the one who sends, and what is under way."""

    tools: Tools
    sender: Sender
    client: httpx.AsyncClient
    outgoing: Outgoing

    async def close(self) -> None:
        """Close the connections."""
        await self.client.aclose()


def open_office(tools: Tools, rung: asyncio.Event) -> Office:
    """Open a client that reaches public and allowed addresses only. To be called on the loop that uses it.

    ``rung`` is set when there may be something to send.
    """
    allow = AllowList.parse(tools.settings.allow_private)
    client = open_download_client(allow, ROOM)
    timeout = timedelta(seconds=tools.settings.webhook_timeout)
    return Office(
        tools, Sender(client, allow, timeout=timeout, clock=tools.clock), client, Outgoing(rung=rung)
    )
