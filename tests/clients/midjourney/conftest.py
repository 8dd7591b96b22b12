"""An installation as operators run it, with a clock that moves when a test says so."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.clients.midjourney.installation import Installation, open_installation
from tests.support.databases import SqliteCopies
from tests.support.receiver import Receiver


@pytest.fixture
def sqlite_url(sqlite_copies: SqliteCopies) -> Iterator[str]:
    """A fresh, migrated SQLite database."""
    with sqlite_copies.fresh() as url:
        yield url


@pytest.fixture
async def installation(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Installation]:
    """API and worker with all models, and the default delay of tasks without a call."""
    async with open_installation(sqlite_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A server that takes webhooks."""
    made = Receiver()
    await made.start()
    yield made
    await made.stop()
