"""A caller, whose jobs these tests are about."""

from uuid import UUID

import pytest

from models.database import Database
from tests.models.queries.operations.stored_jobs import add_caller


@pytest.fixture
async def caller_id(database: Database) -> UUID:
    """A caller."""
    return await add_caller(database)
