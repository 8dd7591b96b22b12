"""A browser that is logged in to the dashboard of an API in this process."""

import re
from dataclasses import dataclass
from typing import Any

import httpx

from models.channels import ChannelSettings
from models.clock import now
from models.queries.channels import sync_channels
from tests.api.service import Service

ORIGIN = {"Origin": "http://darkroom.test"}


@dataclass
class Visitor:
    """Calls pages with the cookie of a session."""

    service: Service
    cookies: dict[str, str]
    language: str = "en"

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Get a page."""
        own = {"Cookie": self._cookie(), "Accept-Language": self.language}
        return await self.service.client.get(path, headers={**own, **headers})

    async def fragment(self, path: str) -> httpx.Response:
        """Get what htmx asks for."""
        return await self.get(path, **{"HX-Request": "true"})

    async def token(self) -> str:
        """Return the token with which pages prove their requests."""
        found = re.search(r'data-token="([^"]+)"', (await self.get("/dashboard")).text)
        assert found is not None
        return found[1]

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a call of the API as a button does."""
        headers = {"Cookie": self._cookie(), "X-Darkroom-Token": await self.token(), **ORIGIN}
        headers |= options.pop("headers", {})
        return await self.service.client.request(method, f"/dashboard/api{path}", headers=headers, **options)

    async def post_form(self, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        """Send a form of a page."""
        sent = {"Cookie": self._cookie(), **ORIGIN, **headers}
        return await self.service.client.post(path, data=fields, headers=sent)

    def _cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())


async def add_channel(service: Service) -> None:
    """Add the channel ``here``, which serves every model."""
    channel = ChannelSettings.model_validate(
        {"name": "here", "base_url": "https://relay.example", "api_key": "practice", "models": ("*",)}
    )
    async with service.services.database.writing() as connection:
        await sync_channels(connection, [channel], now())


async def log_in(service: Service, key: str | None, **fields: str) -> httpx.Response:
    """Send the login form with a key or a link."""
    return await service.client.post(
        "/dashboard/login", data={**({"key": key} if key else {}), **fields}, headers=ORIGIN
    )


async def visit(service: Service, key: str | None = None, language: str = "en") -> Visitor:
    """Return a browser that has logged in with a key."""
    answer = await log_in(service, key or service.key)
    assert answer.status_code == 303, answer.text
    cookies = dict(answer.cookies)
    service.client.cookies.clear()
    return Visitor(service, cookies, language)
