"""What of a job's request matters to its price."""

from models.money.call_shape import call_shape
from models.money.cost import CallShape


def test_the_jobs_own_members_outrank_those_of_the_channel() -> None:
    request = {"size": "1024x1024", "n": 3, "images": ["asset_1"], "params": {"quality": "HIGH"}}
    found = call_shape(request, {"quality": "low", "size": "2K"}, one_picture=False)
    assert found == CallShape(size="1024x1024", quality="high", pictures=3, inputs=True)
    assert call_shape({}, {"quality": "low", "size": "2K"}, one_picture=False) == CallShape(
        size="2K", quality="low"
    )


def test_a_channel_that_makes_each_picture_by_a_call_of_its_own_is_charged_for_one() -> None:
    assert call_shape({"n": 4}, {}, one_picture=True).pictures == 1


def test_members_of_other_kinds_are_passed_over() -> None:
    assert call_shape(
        {"size": 5, "params": {"quality": ["x"]}, "wants": "text"}, {}, one_picture=False
    ) == CallShape(text=True)
