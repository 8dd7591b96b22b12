"""Every kind of database, also one that does not sort text by code points."""

from collections.abc import Iterator

import pytest

from tests.support.databases import COPIES, FIXTURES


@pytest.fixture(params=COPIES)
def plain_database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty, migrated database, as ``DARKROOM_DATABASE_URL`` takes it; the test runs on each kind."""
    with request.getfixturevalue(FIXTURES[request.param]).reset() as url:
        yield url
