"""The request examples of five relays' documentation, byte for byte, with what their readers read."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.api.openai.stack import OpenAiStack

EXAMPLES = {path.stem: path.read_bytes() for path in (Path(__file__).parent / "requests").glob("*.json")}
STREAMED = {name for name, body in EXAMPLES.items() if orjson.loads(body).get("stream")}
HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


def test_there_are_five() -> None:
    assert sorted(EXAMPLES) == ["chat_edit", "chatbp", "ecovai", "huiyan", "wenwen"]
    assert {"huiyan"} == STREAMED


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - STREAMED))
async def test_an_example_is_answered_with_a_picture_in_markdown(stack: OpenAiStack, name: str) -> None:
    answer = await stack.post("/chat/completions", content=EXAMPLES[name], headers=HEADERS)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    asked = orjson.loads(EXAMPLES[name])
    assert (document["object"], document["model"]) == ("chat.completion", asked["model"])
    assert isinstance(document["created"], int)
    [choice] = document["choices"]
    assert (choice["message"]["role"], choice["finish_reason"]) == ("assistant", "stop")
    url = choice["message"]["images"][0]["image_url"]["url"]
    assert f"![image]({url})" in choice["message"]["content"]
    assert (await stack.request("GET", url, key=None)).headers["content-type"] == "image/png"
    assert {"prompt_tokens", "completion_tokens", "total_tokens"} <= document["usage"].keys()
    assert len(stack.calls) == 1


@pytest.mark.parametrize("name", sorted(STREAMED))
async def test_an_example_is_streamed_as_chunks(stack: OpenAiStack, name: str) -> None:
    answer = await stack.post("/chat/completions", content=EXAMPLES[name], headers=HEADERS)
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line for line in answer.text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "data: [DONE]"
    chunks: list[dict[str, Any]] = [orjson.loads(line.removeprefix("data: ")) for line in lines[:-1]]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    content = "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)
    assert "![image](http" in content
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    assert [call.prompt for call in stack.calls] == ["画一只小猫"]
