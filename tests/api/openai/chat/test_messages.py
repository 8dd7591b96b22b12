"""Messages of a chat: what is taken out of them, and what is refused."""

from typing import Any

import pytest

from api.openai.chat.messages import read_messages
from models.errors import InvalidRequest
from models.request import chat_images, with_chat_images

PICTURE = {"type": "image_url", "image_url": {"url": "https://a.example/1.png", "detail": "low"}}
SHORT = {"type": "input_image", "image_url": "data:image/png;base64,AA"}


def test_images_are_taken_out_in_order_and_everything_else_stays_as_it_came() -> None:
    messages: list[Any] = [
        {"role": "developer", "content": "You draw.", "name": "boss"},
        {"role": "user", "content": [{"type": "text", "text": "one"}, PICTURE, {"type": "file", "file": {}}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "tool", "tool_call_id": "1", "content": "done"},
        {"role": "user", "content": [SHORT, {"type": "text", "text": "two"}]},
    ]
    chat = read_messages(messages)
    assert chat.images == ["https://a.example/1.png", "data:image/png;base64,AA"]
    assert chat.fields == ["messages.1.content.1.image_url", "messages.4.content.0.image_url"]
    assert chat.prompt == "two"
    assert chat_images(chat.messages) == [0, 1]
    assert with_chat_images(chat.messages, chat.images) == messages


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        (None, "messages"),
        ([], "messages"),
        ("hello", "messages"),
        ([1], "messages.0"),
        ([{"role": "boss", "content": "a"}], "messages.0.role"),
        ([{"role": ["user"], "content": "a"}], "messages.0.role"),
        ([{"role": "user", "content": 1}], "messages.0.content"),
        ([{"role": "user", "content": ["a"]}], "messages.0.content.0"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}],
            "messages.0.content.0.image_url.url",
        ),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": 1}]}],
            "messages.0.content.0.image_url.url",
        ),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": "https://a/" + "b" * 9000}]}],
            "messages.0.content.0.image_url.url",
        ),
        ([{"role": "user", "content": [PICTURE] * 17}], "messages"),
        ([{"role": "user", "content": "a"}] * 513, "messages"),
    ],
)
def test_faulty_ones_are_named(messages: Any, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_messages(messages)
    assert refused.value.field == field


def test_a_chat_without_text_has_a_prompt_that_says_so() -> None:
    assert read_messages([{"role": "user", "content": [PICTURE]}]).prompt == "(no text)"
