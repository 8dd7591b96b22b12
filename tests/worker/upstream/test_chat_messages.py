"""Messages of a chat, as each preset's provider takes them."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from models.errors import InvalidRequest
from models.request import ImageRequest
from worker.upstream.chat_messages import chat_messages, last_images, texts_of
from worker.upstream.presets.catalog import preset_named
from worker.upstream.presets.preset import Preset
from worker.upstream.request import build_request

IMAGE: dict[str, Any] = {"type": "image_url", "image_url": {"url": "https://a.example/1.png"}}
TEXT = {"type": "text", "text": "bluer"}
CHAT: tuple[dict[str, Any], ...] = (
    {"role": "system", "content": "You draw."},
    {"role": "user", "content": "a fox"},
    {"role": "assistant", "content": None, "tool_calls": []},
    {"role": "user", "content": [TEXT, IMAGE]},
)
GENERIC = preset_named("generic")


def test_messages_are_sent_as_they_came() -> None:
    assert chat_messages(CHAT, GENERIC) == list(CHAT)


@pytest.mark.parametrize(
    ("changes", "last"),
    [
        ({"content_style": "parts"}, [TEXT, IMAGE]),
        ({"content_style": "images_first"}, [IMAGE, TEXT]),
        ({"content_style": "string"}, "https://a.example/1.png bluer"),
        ({"image_style": "member"}, [TEXT]),
    ],
)
def test_contents_have_the_style_of_the_preset(changes: dict[str, Any], last: object) -> None:
    preset: Preset = replace(GENERIC, **changes)
    assert chat_messages(CHAT, preset)[-1]["content"] == last
    first = [{"type": "text", "text": "a fox"}] if "parts" in changes.values() else "a fox"
    assert chat_messages(CHAT, preset)[1]["content"] == first


def test_the_system_message_of_a_channel_comes_first() -> None:
    messages = chat_messages(CHAT, replace(GENERIC, system="Be brief."))
    assert [message["content"] for message in messages[:2]] == ["Be brief.", "You draw."]


def test_images_and_texts_are_found() -> None:
    assert last_images(CHAT) == ["https://a.example/1.png"]
    assert last_images(CHAT[:2]) == []
    assert [texts_of(message) for message in CHAT] == [["You draw."], ["a fox"], [], ["bluer"]]


def test_the_body_has_the_messages_and_the_params_of_the_chat() -> None:
    request = ImageRequest("m", "bluer", n=2, params={"tools": [], "modalities": ["image"]}, chat=CHAT)
    built = build_request(request, base_url="https://a.example", api_key="k", preset=GENERIC)
    body = orjson.loads(built.body)
    assert body["messages"] == list(CHAT)
    assert (body["n"], body["tools"], body["modalities"]) == (2, [], ["image"])
    assert "https://a.example/1.png" in built.input_urls
    member = replace(GENERIC, image_style="member")
    body = orjson.loads(build_request(request, base_url="https://a", api_key="k", preset=member).body)
    assert body["image"] == ["https://a.example/1.png"]
    few = replace(GENERIC, max_images=0)
    with pytest.raises(InvalidRequest):
        build_request(request, base_url="https://a.example", api_key="k", preset=few)
