"""Successful responses: messages, documents and streams."""

import orjson
import pytest

from worker.practice.request_options import RequestOptions
from worker.practice.request_parser import parse_request
from worker.practice.responses import (
    Message,
    b64_json_body,
    completion_body,
    final_line,
    inline_message,
    linked_message,
    progress_lines,
    stream_script,
    text_reply,
)
from worker.practice.script import PING, Script


def stream(delay: float = 6) -> Script:
    return stream_script(Message("![image](u)"), number=1, model="m", style="percent", delay=delay)


def text(script: Script) -> bytes:
    return b"".join(step.data for step in script.steps)


def test_a_stream_takes_its_delay_and_ends_with_done() -> None:
    script = stream(delay=6)

    assert abs(sum(step.after for step in script.steps) - 6) < 1e-9
    assert text(script).startswith(PING)
    assert text(script).endswith(b"data: [DONE]\n\n")
    assert script.steps[-3].data.count(b"![image](u)") == 1


def test_cumulative_numbers_grow_into_one_line_that_links_the_picture() -> None:
    said = "".join(progress_lines("cumulative")) + final_line("cumulative", "https://example.com/a.png")

    assert ">🏃 Progress 7..18..34..58..79..[100](https://example.com/a.png)" in said


def test_linked_images_are_markdown_links_or_parts() -> None:
    urls = ["https://a.example/1.png", "https://a.example/2.png"]
    assert linked_message("markdown_url", urls).content == f"![image]({urls[0]})\n\n![image]({urls[1]})"
    assert linked_message("download_link", urls).content == f"[下载1]({urls[0]})\n[下载2]({urls[1]})"
    parts = linked_message("parts", urls).content
    assert [part["image_url"]["url"] for part in parts[1:] if isinstance(part, dict)] == urls


def test_inline_images_are_data_urls_in_the_content_or_in_a_member() -> None:
    in_content = inline_message("markdown_data", [b"png"])
    in_member = inline_message("images_field", [b"png"])
    assert in_content.content == "![image_1](data:image/png;base64,cG5n)"
    assert in_member.members["images"][0]["image_url"]["url"] == "data:image/png;base64,cG5n"
    assert orjson.loads(b64_json_body([b"png"]))["data"] == [{"b64_json": "cG5n"}]


def test_the_body_of_a_completion_has_content_and_members_of_its_message() -> None:
    body = orjson.loads(completion_body(Message("text", {"images": []}), number=7, model="m"))
    assert (body["id"], body["model"]) == ("chatcmpl-7", "m")
    assert body["choices"][0]["message"] == {"role": "assistant", "content": "text", "images": []}


@pytest.mark.parametrize(
    ("model", "practice", "starts"),
    [("m", {}, None), ("m", {"says": "Hello."}, "Hello."), ("text-model", {}, "1. a cat, soft")],
)
def test_a_text_reply_is_given_or_made_for_a_text_model(
    model: str, practice: dict[str, str], starts: str | None
) -> None:
    messages = [{"role": "user", "content": "a cat"}]
    body = orjson.dumps({"model": model, "messages": messages, "practice": practice})
    reply = text_reply(parse_request(body, RequestOptions()))
    assert reply is None if starts is None else (reply or "").startswith(starts)
