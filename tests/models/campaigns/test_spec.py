"""The definition of a campaign: what is refused, and that it comes back as it was stored."""

from typing import Any

import pytest
from pydantic import ValidationError

from models.campaigns.spec import CampaignSpec, read_spec

FULL: dict[str, Any] = {
    "name": "spring",
    "model": "gpt-4o-image",
    "template": {"prompt": "a {colour} cat", "images": ["{photo}"]},
    "defaults": {"size": "1024x1024", "n": 2, "retry": {"no_image": {"attempts": 1}}},
    "axes": {"values": {"style": ["a", "b"]}},
    "budget": {"amount": "12.5", "currency": "USD"},
    "limits": {"rpm": 60, "weight": 2},
    "canary": {"items": 20, "then": "auto"},
    "windows": [{"from": "22:00", "to": "06:00", "zone": "Europe/Berlin", "days": ["mon"]}],
    "start_at": "2026-12-01T00:00:00Z",
    "deadline": "2026-12-24T00:00:00+01:00",
}


def test_it_is_read_back_as_it_was_stored() -> None:
    spec = CampaignSpec.model_validate(FULL)
    assert read_spec(spec.to_json()) == spec
    assert spec.budget is not None
    assert spec.budget.micro == 12_500_000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": " "}, "blank"),
        ({"template": {"prompt": "a {cat"}}, "line 1, column 3"),
        ({"axes": {"values": {"style": ["a", "a"]}}}, "twice"),
        ({"axes": {"values": {"x": ["1"], "y": ["1", "2"]}, "combine": "zip"}}, "equally many"),
        ({"axes": {"values": {"x": ["1"]}, "skip": [{"y": "1"}]}}, "no axis 'y'"),
        ({"budget": {"amount": "0", "currency": "USD"}}, "greater than 0"),
        ({"budget": {"amount": "1", "currency": "dollars"}}, "pattern"),
        ({"windows": [{"from": "22:00", "to": "22:00"}]}, "never opens"),
        ({"windows": [{"from": "25:00", "to": "22:00"}]}, "HH:MM"),
        ({"windows": [{"from": "21:00", "to": "22:00", "zone": "Mars/Base"}]}, "no such time zone"),
        ({"windows": [{"from": "21:00", "to": "22:00", "zone": "../etc"}]}, "no such time zone"),
        ({"start_at": "2026-12-25T00:00:00"}, "offset"),
        ({"colour": 1}, "Extra inputs"),
    ],
)
def test_what_can_not_work_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        CampaignSpec.model_validate({**FULL, **change})
