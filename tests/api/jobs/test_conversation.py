"""Prompt or messages of a submitted job, as one prompt, earlier turns and input images."""

from typing import Any

import pytest

from api.jobs.conversation import read_conversation
from api.jobs.schemas import Submission
from models.errors import InvalidRequest

URL = "https://a.example/1.png"


def submission(**fields: Any) -> Submission:
    return Submission.model_validate({"model": "m", **fields})


def image(url: str = URL) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def test_a_prompt_has_its_images_and_no_turns() -> None:
    found = read_conversation(submission(prompt="a cat", images=[URL], system="be brief"))
    assert (found.prompt, found.system, found.turns) == ("a cat", "be brief", [])
    assert found.members() == {"images": [URL], "system": "be brief"}


def test_the_last_message_is_the_prompt_and_earlier_ones_are_turns() -> None:
    asset = {"asset": "asset_01h455vb4pex5vsknk084sn02q"}
    found = read_conversation(
        submission(
            messages=[
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": [text("a cat"), image()]},
                {"role": "assistant", "content": [text("here"), asset]},
                {"role": "user", "content": [text("with a hat"), image("https://a.example/hat.png")]},
            ],
            images=["https://a.example/2.png"],
        )
    )
    assert (found.prompt, found.system) == ("with a hat", "be brief")
    assert found.images == [URL, asset["asset"], "https://a.example/hat.png", "https://a.example/2.png"]
    assert found.turns == [
        {"role": "user", "parts": [{"text": "a cat"}, {"image": 0}]},
        {"role": "assistant", "parts": [{"text": "here"}, {"image": 1}]},
    ]
    assert found.fields[1:] == ["messages.2.content.1", "messages.3.content.1", "images.0"]
    assert found.length == len("with a hat" + "be brief" + "a cat" + "here")


def test_a_mask_is_an_image_that_belongs_to_the_first() -> None:
    found = read_conversation(submission(prompt="a hat", images=[URL], mask="https://a.example/mask.png"))
    assert found.members() == {"images": [URL, "https://a.example/mask.png"], "mask": 1}
    with pytest.raises(InvalidRequest, match="needs an image in images"):
        read_conversation(submission(prompt="a hat", mask=URL))


@pytest.mark.parametrize(
    ("fields", "named", "words"),
    [
        ({"prompt": "a", "messages": [{"role": "user", "content": "b"}]}, "prompt", "not both"),
        ({"messages": [{"role": "assistant", "content": "b"}]}, "messages.0", "must be the user's"),
        ({"messages": [{"role": "user", "content": [image()]}]}, "messages.0", "with text"),
        (
            {"messages": [{"role": "system", "content": [image()]}, {"role": "user", "content": "b"}]},
            "messages.0",
            "text only",
        ),
        (
            {"messages": [{"role": "user", "content": [text("b"), *[image()] * 10]}], "images": [URL] * 7},
            "images",
            "16 input images in all, not 17",
        ),
    ],
)
def test_what_can_not_be_asked_is_refused_by_the_name_of_its_field(
    fields: dict[str, Any], named: str, words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        read_conversation(submission(**fields))
    assert caught.value.field == named
