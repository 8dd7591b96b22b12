"""Answers of the images API, in each format."""

import base64
import hashlib

import pytest

from tests.api.openai.stack import MODEL, OpenAiStack

ASK = {"model": MODEL, "prompt": "a red fox", "n": 2, "quality": "high"}


@pytest.mark.parametrize(
    ("response_format", "members"),
    [(None, {"b64_json", "url"}), ("url", {"url"}), ("b64_json", {"b64_json"})],
)
async def test_each_picture_has_the_members_of_its_format(
    stack: OpenAiStack, response_format: str | None, members: set[str]
) -> None:
    answer = (await stack.post("/images/generations", json=ASK | {"response_format": response_format})).json()
    assert len(answer["data"]) == 2
    assert all(image.keys() == members for image in answer["data"])
    assert (answer["quality"], answer["output_format"], answer["size"]) == ("high", "png", "1x1")
    for image, asset in zip(answer["data"], answer["darkroom"]["assets"], strict=True):
        assert image.get("url", asset["url"]) == asset["url"]
        if "b64_json" in image:
            assert hashlib.sha256(base64.b64decode(image["b64_json"])).hexdigest() == asset["sha256"]
