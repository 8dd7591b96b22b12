"""A running API and the words to ask it with."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI

from api.services import Services
from models.ids import parse_id

ALICE, BOB, ADMIN = "alice-0123456789abcdef", "bob-0123456789abcdef00", "admin-0123456789abcdef"
JOB = {"model": "gpt-image", "prompt": "a cat"}


@dataclass(frozen=True)
class Service:
    """Asks the API with one key."""

    app: FastAPI
    client: httpx.AsyncClient
    key: str | None

    def asked_by(self, key: str | None) -> "Service":
        """Ask with another key, or none."""
        return replace(self, key=key)

    @property
    def services(self) -> Services:
        """What the API works with."""
        services: Services = self.app.state.services
        return services

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request with the key."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        headers |= options.pop("headers", {})
        return await self.client.request(method, path, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """Send a GET."""
        return await self.ask("GET", path, **options)

    async def post(self, path: str, **options: Any) -> httpx.Response:
        """Send a POST."""
        return await self.ask("POST", path, **options)

    async def submit(self, **fields: Any) -> dict[str, Any]:
        """Hand in a job and return it."""
        answer = await self.post("/v1/jobs", json=JOB | fields)
        assert answer.status_code == 202, answer.text
        job: dict[str, Any] = answer.json()
        return job


def key_of(job: dict[str, Any]) -> UUID:
    """Return a job's key in the database."""
    return parse_id("job", job["id"])
