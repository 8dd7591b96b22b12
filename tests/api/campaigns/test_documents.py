"""Progress counts items that no worker has made yet as waiting."""

from dataclasses import replace

import pytest

from api.campaigns.documents import items_document
from models.campaigns.item_state import ItemState
from models.database import Database
from tests.models.queries.campaigns.planned import make_campaign


@pytest.mark.parametrize(("expected", "total", "waiting"), [(None, 3, 1), (10, 10, 8), (3, 3, 1)])
async def test_items_that_are_not_made_yet_wait(
    database: Database, expected: int | None, total: int, waiting: int
) -> None:
    campaign = replace(await make_campaign(database), expected_items=expected)
    document = items_document(campaign, {ItemState.MADE: 2, ItemState.WAITING: 1})
    assert (document["total"], document["by_status"]["waiting"]) == (total, waiting)
    assert sum(document["by_status"].values()) == total
