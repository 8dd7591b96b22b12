"""Requests of LiteLLM and of Open WebUI, with the members that each sends and reads."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import orjson

from tests.api.openai.batches.batch_stack import open_batch_stack
from tests.api.openai.pictures import png
from tests.api.openai.stack import MODEL, OpenAiStack

BY_SDK = {"User-Agent": "OpenAI/Python 3.57.0", "x-stainless-retry-count": "0"}
BY_ITSELF = {"User-Agent": "litellm/1.110.2", "Accept": "*/*"}
JSON = {"Content-Type": "application/json"}
GENERATION = (
    b'{"model":"practice-image","prompt":"a fox","n":1,"quality":"high","size":"1024x1024","user":"u1"}'
)
CHAT = (
    b'{"model":"practice-image","messages":[{"role":"user","content":"a fox"}],"modalities":["image","text"]}'
)
STREAM = (
    b'{"model":"practice-image","messages":[{"role":"user","content":[{"type":"text","text":"a fox"},'
    b'{"type":"image_url","image_url":{"url":"PICTURE"}}]}],"stream":true,'
    b'"stream_options":{"include_usage":true}}'
)
DATA_URL = b"data:image/png;base64," + base64.b64encode(png())
RESPONSE = b'{"model":"practice-image","input":"a fox","tools":[{"type":"image_generation"}]}'
BACKGROUND = b'{"model":"practice-image","input":"a fox","background":true}'
LINES = b"".join(
    b'{"custom_id": "%d", "method": "POST", "url": "/v1/chat/completions", '
    b'"body": {"model": "practice-image", "messages": [{"role": "user", "content": "fox %d"}]}}\n'
    % (number, number)
    for number in range(2)
)
BATCH = (
    b'{"completion_window":"24h","endpoint":"/v1/chat/completions","input_file_id":"FILE",'
    b'"metadata":{"k":"v"}}'
)
REFUSED = b'{"model":"practice-image","prompt":"a fox [fail moderation]"}'


async def test_what_litellm_sends_is_answered_with_what_it_reads(sqlite_url: str, tmp_path: Path) -> None:
    """Bodies as its release 1.110.2 wrote them when it was run against a server, byte for byte.

    Pictures, chats, files and batches go by OpenAI's SDK; edits and responses by an HTTP client of its own,
    without the SDK's headers and retries.
    """
    async with open_batch_stack(sqlite_url, tmp_path, openai_wait=5) as batches:
        stack = batches.stack

        async def send(method: str, path: str, content: bytes = b"", agent: dict[str, str] = BY_SDK) -> Any:
            headers = {**agent, "Content-Type": "application/json"}
            answer = await stack.request(method, path, content=content, headers=headers)
            assert answer.status_code == 200, answer.text
            return answer.json() if answer.headers["content-type"] == "application/json" else answer.text

        made = await send("POST", "/images/generations", GENERATION)
        assert made["created"]
        assert base64.b64decode(made["data"][0]["b64_json"])
        fields = {"model": MODEL, "size": "1024x1024", "prompt": "bluer"}
        files = [("image[]", (f"/tmp/{name}.png", png(), "image/png")) for name in "ab"]
        edited = await stack.post("/images/edits", data=fields, files=files, headers=BY_ITSELF)
        assert edited.json()["data"][0]["b64_json"]
        drawn = await send("POST", "/chat/completions", CHAT)
        assert drawn["choices"][0]["message"]["images"][0]["image_url"]["url"].startswith("http")
        streamed = await send("POST", "/chat/completions", STREAM.replace(b"PICTURE", DATA_URL))
        assert "![image](http" in streamed
        assert '"total_tokens"' in streamed.splitlines()[-4], "the usage comes last"

        done = await send("POST", "/responses", RESPONSE, BY_ITSELF)
        assert [item["type"] for item in done["output"]] == ["image_generation_call"]
        begun = await send("POST", "/responses", BACKGROUND, BY_ITSELF)
        assert begun["status"] == "queued"
        path = f"/responses/{begun['id']}"
        async with asyncio.timeout(20):
            while (await send("GET", path, agent=BY_ITSELF))["status"] != "completed":  # noqa: ASYNC110
                await asyncio.sleep(0.03)
        assert (await send("DELETE", path, agent=BY_ITSELF))["deleted"]

        form = {"data": {"purpose": "batch"}, "files": {"file": ("in.jsonl", LINES)}}
        file = (await stack.post("/files", headers=BY_SDK, **form)).json()  # type: ignore[arg-type]
        batch = await send("POST", "/batches", BATCH.replace(b"FILE", file["id"].encode()))
        async with asyncio.timeout(20):
            while batch["status"] != "completed":
                await asyncio.sleep(0.03)
                batch = await send("GET", f"/batches/{batch['id']}")
        assert [each["id"] for each in (await send("GET", "/batches"))["data"]] == [batch["id"]]
        assert len((await send("GET", f"/files/{batch['output_file_id']}/content")).splitlines()) == 2
        refused = await stack.post("/images/generations", content=REFUSED, headers=JSON | BY_SDK)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "moderation_blocked")
        assert len(stack.calls) == 9


async def test_open_webui_lists_models_draws_edits_and_streams_a_chat(stack: OpenAiStack) -> None:
    """As its ``routers/images.py`` writes them.

    Of each picture it fetches the ``url`` with its key if there is one, and refuses private addresses; else
    it reads ``b64_json``. Its chat reads the deltas of a stream.
    """
    listed = await stack.request("GET", "/models")
    assert MODEL in [model["id"] for model in listed.json()["data"]]
    ask = {"model": MODEL, "prompt": "a fox", "n": 1, "size": "512x512", "response_format": "b64_json"}
    made = await stack.post("/images/generations", json=ask)
    assert made.json()["data"][0].keys() == {"b64_json"}
    url = made.json()["darkroom"]["assets"][0]["url"]
    edited = await stack.post(
        "/images/edits",
        data={name: str(value) for name, value in ask.items()} | {"background": "transparent"},
        files=[("image[]", (f"image-{number}.png", png(), "image/png")) for number in range(2)],
    )
    assert edited.json()["data"][0].keys() == {"b64_json"}
    named = await stack.post("/images/generations", json=ask | {"response_format": None})
    fetched = await stack.request("GET", named.json()["data"][0]["url"])
    assert fetched.headers["content-type"] == "image/png", "it sends its key with it"
    chat = {
        "stream": True,
        "model": MODEL,
        "messages": [
            {"role": "user", "content": "a fox"},
            {"role": "assistant", "content": f"![image]({url})"},
            {"role": "user", "content": "bluer"},
        ],
        "stream_options": {"include_usage": True},
    }
    streamed = await stack.post("/chat/completions", json=chat)
    lines = [line.removeprefix("data: ") for line in streamed.text.splitlines() if line.startswith("data: {")]
    deltas = [choice["delta"] for line in lines for choice in orjson.loads(line)["choices"]]
    assert "![image](http" in "".join(delta.get("content") or "" for delta in deltas)
    assert orjson.loads(lines[-1])["usage"]["total_tokens"] >= 0
