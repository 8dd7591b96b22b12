"""Served stacks: on SQLite, and on a database of each kind."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.api.openai.stack import OpenAiStack, open_stack
from tests.support.databases import SqliteCopies


@pytest.fixture
def sqlite_url(sqlite_copies: SqliteCopies) -> Iterator[str]:
    """A fresh, migrated SQLite database, for a stack with settings of its own."""
    with sqlite_copies.fresh() as url:
        yield url


@pytest.fixture
async def stack(sqlite_url: str, tmp_path: Path) -> AsyncIterator[OpenAiStack]:
    """The API, a worker and the provider, on SQLite."""
    async with open_stack(sqlite_url, tmp_path) as opened:
        yield opened


@pytest.fixture
async def each_stack(plain_database_url: str, tmp_path: Path) -> AsyncIterator[OpenAiStack]:
    """The same on each kind of database."""
    async with open_stack(plain_database_url, tmp_path) as opened:
        yield opened
