"""The application's services, as they are opened at its start."""

from datetime import timedelta
from pathlib import Path

import pytest

import models.clock
from api.app import create_app
from models.clock import now
from models.settings import Settings


async def test_the_api_goes_by_the_databases_time_however_wrong_its_machines_clock_is(
    plain_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models.clock, "now", lambda: now() + timedelta(days=365))
    app = create_app(Settings(database_url=plain_database_url, storage_url=tmp_path.as_uri()))
    async with app.router.lifespan_context(app):
        assert abs(app.state.services.clock() - now()) < timedelta(seconds=20)
