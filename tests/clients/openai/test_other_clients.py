"""Requests of LiteLLM and of Open WebUI, with the members that each sends and reads."""

import base64
from typing import Any

import orjson

from tests.api.openai.pictures import png
from tests.api.openai.stack import MODEL, OpenAiStack

AGENT = {"User-Agent": "OpenAI/Python 2.0.0", "x-stainless-retry-count": "0"}


async def test_litellm_generates_and_edits_pictures_and_chats_with_modalities(stack: OpenAiStack) -> None:
    """By OpenAI's SDK, without retries of its own; an edit sends each picture as ``image[]``."""
    client = stack.client(max_retries=0)
    made = await client.images.generate(
        model=MODEL, prompt="a fox", n=1, size="1024x1024", user="u1", extra_body={"seed": 7}
    )
    assert made.created
    assert made.data
    assert made.data[0].b64_json or made.data[0].url
    form = {"model": MODEL, "prompt": "bluer", "n": "1", "size": "1024x1024"}
    files = [("image[]", ("a.png", png(), "image/png")), ("image[]", ("b.png", png(), "image/png"))]
    edited = await stack.post("/images/edits", data=form, files=files, headers=AGENT)
    assert edited.json()["data"][0]["b64_json"]
    drawn = await client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "a fox"}],
        modalities=["image", "text"],  # type: ignore[list-item]
        extra_body={"metadata": {"trace": "1"}},
    )
    images: Any = (drawn.choices[0].message.model_extra or {})["images"]
    assert images[0]["image_url"]["url"].startswith("http")
    assert [job.request["params"].get("seed") for job in await stack.jobs()] == [7, None, None]


async def test_open_webui_lists_models_draws_edits_and_streams_a_chat(stack: OpenAiStack) -> None:
    """Its picture engine reads ``b64_json`` or ``url`` of each entry, its chat the deltas of a stream."""
    listed = await stack.request("GET", "/models")
    assert MODEL in [model["id"] for model in listed.json()["data"]]
    ask = {"model": MODEL, "prompt": "a fox", "n": 1, "size": "512x512", "response_format": "b64_json"}
    made = await stack.post("/images/generations", json=ask)
    assert base64.b64decode(made.json()["data"][0]["b64_json"])
    edited = await stack.post(
        "/images/edits",
        data={name: str(value) for name, value in ask.items()},
        files=[("image", ("image.png", png(), "image/png"))],
    )
    assert base64.b64decode(edited.json()["data"][0]["b64_json"])
    chat = {
        "stream": True,
        "model": MODEL,
        "messages": [
            {"role": "user", "content": "a fox"},
            {"role": "assistant", "content": f"![image]({made.json()['data'][0]['url']})"},
            {"role": "user", "content": "bluer"},
        ],
        "stream_options": {"include_usage": True},
    }
    streamed = await stack.post("/chat/completions", json=chat)
    lines = [line.removeprefix("data: ") for line in streamed.text.splitlines() if line.startswith("data: {")]
    deltas = [choice["delta"] for line in lines for choice in orjson.loads(line)["choices"]]
    assert "![image](http" in "".join(delta.get("content") or "" for delta in deltas)
    assert orjson.loads(lines[-1])["usage"]["total_tokens"] >= 0
