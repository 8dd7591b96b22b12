"""An API in this process, on a database of each kind, with an in-memory broker without consumers."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import create_app
from models.settings import Settings
from tests.api.service import ADMIN, ALICE, BOB, Service


@pytest.fixture
def make_settings(plain_database_url: str, tmp_path: Path) -> Callable[..., Settings]:
    """Settings for this test; overrides by name."""

    def make(**overrides: Any) -> Settings:
        values = {
            "database_url": plain_database_url,
            "storage_url": f"file://{tmp_path}/pictures",
            "public_url": "http://darkroom.test",
            "api_keys": (ALICE, BOB),
            "admin_keys": (ADMIN,),
        }
        return Settings(**{**values, **overrides})

    return make


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Service]:
    """Run the API in this process."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://darkroom.test") as client:
            yield Service(app, client, key=ALICE)


@pytest.fixture
async def service(make_settings: Callable[..., Settings]) -> AsyncIterator[Service]:
    """A running API, called with Alice's key."""
    async with started(make_settings()) as running:
        yield running
