"""Served stacks that run batches: on SQLite, and on a database of each kind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.openai.batches.batch_stack import BatchStack, open_batch_stack


@pytest.fixture
async def batches(sqlite_url: str, tmp_path: Path) -> AsyncIterator[BatchStack]:
    """A stack on SQLite."""
    async with open_batch_stack(sqlite_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def each_batches(plain_database_url: str, tmp_path: Path) -> AsyncIterator[BatchStack]:
    """The same on each kind of database."""
    async with open_batch_stack(plain_database_url, tmp_path) as opened:
        yield opened
