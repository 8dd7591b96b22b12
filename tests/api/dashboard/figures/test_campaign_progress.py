"""Progress of campaigns: the bar of their items, and their money."""

from hypothesis import given
from hypothesis import strategies as st

from api.dashboard.figures.campaign_progress import LEFT, ORDER, WIDTH, money_of, progress_of, segments
from models.campaigns.actions import SKIPPED
from models.campaigns.item_state import ItemState


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=8))
def test_a_bar_is_full_and_has_each_state_that_has_items(counts: list[int]) -> None:
    found = segments([(state.value, count) for state, count in zip(ORDER, counts, strict=False)])
    assert [each.count for each in found] == [count for count in counts if count]
    if found:
        assert abs(found[-1].x + found[-1].width - WIDTH) < 1
        assert all(each.width > 0 for each in found)


def test_items_are_counted_by_what_people_ask() -> None:
    counts = dict.fromkeys(ItemState, 0) | {
        "made": 3,
        "approved": 2,
        "rejected": 1,
        "failed": 1,
        "waiting": 5,
    }
    progress = progress_of({"total": 12, "by_status": counts})
    assert (progress.pictures, progress.decided, progress.unjudged, progress.ended) == (6, 3, 3, 7)
    assert progress_of({"total": 0, "by_status": dict.fromkeys(ItemState, 0)}).share is None


def test_money_is_shown_as_shares_of_the_budget_or_of_what_was_spent() -> None:
    spent = {"currency": "USD", "settled": "1.5", "reserved": "0.5", "unknown": "0"}
    assert money_of({**spent, "limit": "4"}).settled_share == 0.375
    assert money_of({**spent, "limit": None}).settled_share == 0.75
    nothing = money_of({"currency": None, "limit": None, "settled": None, "reserved": None, "unknown": None})
    assert (nothing.is_spent, nothing.settled_share) == (False, 0.0)


def test_each_reason_for_which_an_item_is_left_has_words() -> None:
    assert set(LEFT) == set(SKIPPED)
    assert set(ORDER) == set(ItemState)
