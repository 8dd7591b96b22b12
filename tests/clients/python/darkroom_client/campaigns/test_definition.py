"""Definition of a campaign: short forms, and what can't be sent."""

from datetime import UTC, datetime

import pytest

from darkroom_client import InputError
from darkroom_client.campaigns.definition import definition_body, read_budget


def test_short_forms_are_sent_as_the_api_takes_them() -> None:
    body = definition_body(
        {
            "template": "a {colour} cat",
            "budget": "20 USD",
            "canary": 5,
            "axes": {"style": ("ink", "oil")},
            "deadline": datetime(2026, 12, 1, tzinfo=UTC),
            "model": None,
        }
    )
    assert body == {
        "template": {"prompt": "a {colour} cat"},
        "budget": {"amount": "20", "currency": "USD"},
        "canary": {"items": 5},
        "axes": {"values": {"style": ["ink", "oil"]}},
        "deadline": "2026-12-01T00:00:00+00:00",
    }


def test_whole_members_are_sent_unchanged() -> None:
    whole = {
        "template": {"prompt": "a cat", "size": "2:3"},
        "budget": {"amount": "1", "currency": "CNY"},
        "canary": {"items": 2, "then": "auto"},
        "axes": {"values": {"style": ["a"]}, "combine": "zip"},
        "start_at": "2026-12-01T00:00:00Z",
    }
    assert definition_body(whole) == whole


@pytest.mark.parametrize("text", ["20USD", " 20  usd ", "20.50 Usd"])
def test_a_budget_is_an_amount_with_its_currency(text: str) -> None:
    assert read_budget(text)["currency"] == "USD"


@pytest.mark.parametrize("text", ["", "20", "USD", "$20", "-1 USD", "1e3 USD", "20 USD EUR", "20,5 EUR"])
def test_another_budget_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match="20USD"):
        read_budget(text)


def test_a_time_without_an_offset_is_refused() -> None:
    with pytest.raises(InputError, match="deadline"):
        definition_body({"deadline": datetime(2026, 12, 1)})  # noqa: DTZ001 - that is what is refused
