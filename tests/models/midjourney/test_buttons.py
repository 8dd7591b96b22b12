"""Buttons: which a task has, and their JSON."""

from uuid import UUID

import pytest

from models.midjourney.buttons import button_view, buttons_of
from models.midjourney.protocol import Action

HASH = UUID("3f0c1a52-0000-4000-8000-000000000001")


def test_the_button_that_draws_every_prompt_has_its_emoji() -> None:
    buttons = [button_view(each) for each in buttons_of(Action.DESCRIBE, HASH, 4, has_video_model=False)]
    assert {each["emoji"]: each["label"] for each in buttons}["🎉"] == "Imagine all"


@pytest.mark.parametrize("action", list(Action))
def test_every_button_has_its_five_members_each_of_its_type(action: Action) -> None:
    for button in buttons_of(action, HASH, 4, has_video_model=True):
        view = button_view(button)
        assert {name: type(value) for name, value in view.items()} == {
            "customId": str,
            "emoji": str,
            "label": str,
            "type": int,
            "style": int,
        }
        assert view["label"] or view["emoji"]
