"""The filter of items: its members, their values, and what is refused."""

import pytest

from models.campaigns.item_filter import ItemFilter, parse_filter
from models.campaigns.item_state import ItemState
from models.errors import InvalidRequest


def test_members_are_texts_or_lists_and_come_back_as_json() -> None:
    given = {"status": ["failed", "held"], "key": "cat*", "verdict": "none"}
    wanted = parse_filter(given)
    assert wanted == ItemFilter(states=(ItemState.FAILED, ItemState.HELD), keys=("cat*",), verdicts=("none",))
    assert parse_filter(wanted.to_json()) == wanted
    assert parse_filter({}).is_empty
    assert not wanted.is_empty


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"state": "failed"}, "filter.state"),
        ({"status": "lost"}, "filter.status"),
        ({"key": 7}, "filter.key"),
        ({"key": "a\0"}, "filter.key"),
        ({"key": ["k"] * 1_001}, "filter.key"),
        ({"verdict": ["pick", "maybe"]}, "filter.verdict"),
    ],
)
def test_what_it_does_not_know_is_refused_by_name(given: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_filter(given, prefix="filter.")
    assert caught.value.field == field
