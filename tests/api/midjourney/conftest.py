"""A studio on a database of each kind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.midjourney.studio import Studio, open_studio


@pytest.fixture
async def studio(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Studio]:
    """The API, asked by Alice, and a worker."""
    async with open_studio(plain_database_url, tmp_path) as opened:
        yield opened
