"""A worker in front of the practice provider, on a database of each kind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.darkroom import Darkroom, open_darkroom


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    """Jobs are deleted after 30 days, archived responses after one; deleted jobs are archived."""
    rules = {"retention_jobs": 30 * 86_400, "retention_answers": 86_400, "retention_archive": True}
    async with open_darkroom(plain_database_url, tmp_path, practice={}, **rules) as opened:
        yield opened
