"""Addresses of own pictures in requests."""

import base64
from typing import Any

from tests.api.openai.stack import MODEL, OpenAiStack
from tests.api.service import BOB


async def test_a_picture_of_an_earlier_turn_is_sent_on_as_the_stored_one(stack: OpenAiStack) -> None:
    client = stack.client()
    made = await client.images.generate(model=MODEL, prompt="a fox", response_format="url")
    assert made.data
    url = made.data[0].url or ""
    turn: Any = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
    await client.chat.completions.create(model=MODEL, messages=[turn])
    await stack.post("/images/edits", json={"model": MODEL, "prompt": "bluer", "image": url})
    _, chat, edit = await stack.jobs()
    assert chat.request["images"] == edit.request["images"]
    assert chat.request["images"][0].startswith("asset_")


async def test_other_addresses_stay_and_others_pictures_are_not_found_by_theirs(stack: OpenAiStack) -> None:
    made = await stack.client(key=BOB).images.generate(model=MODEL, prompt="a fox")
    assert made.data
    assert base64.b64decode(made.data[0].b64_json or "")
    urls = [made.data[0].url or "", "https://elsewhere.example/assets/a/0.png", f"{stack.url}/assets/a"]
    content = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    await stack.client().chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": content}],  # type: ignore[list-item, misc]
    )
    assert (await stack.jobs())[-1].request["images"] == urls
