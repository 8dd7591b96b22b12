"""A served stack whose channel has the models of the examples."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.openai.conftest import sqlite_url
from tests.api.openai.stack import MODEL, OpenAiStack, open_stack

__all__ = ["sqlite_url"]  # a fixture


@pytest.fixture
async def stack(sqlite_url: str, tmp_path: Path) -> AsyncIterator[OpenAiStack]:
    """The API, a worker and the provider."""
    models = f"{MODEL},gpt-4o-image,gpt-4-all,gpt-4o-all,gpt-image-2,practice-text"
    async with open_stack(sqlite_url, tmp_path, upstream_models=models) as opened:
        yield opened
