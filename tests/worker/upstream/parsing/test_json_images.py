"""Images in JSON members of an answer, also beside images in its text."""
# ruff: noqa: E501 - a table of answers is read row by row

from typing import Any

import orjson
import pytest

from tests.worker.upstream.answers import (
    GIF,
    JPEG,
    PNG,
    PNG2,
    WEBP,
    Expected,
    body,
    data,
    image_urls,
    listed,
    message,
    streamed,
)

A, B, C = (
    "https://img.example.com/o/a.png",
    "https://img.example.com/o/b.webp",
    "https://img.example.com/o/c.jpg",
)
BARE = "https://img.example.com/files/9f8e"
P1, P2 = data(PNG), data(PNG2)
THOUGHT = {"thought": True, "inlineData": {"mimeType": "image/png", "data": PNG2}}


def part(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}, **more}


def rows(table: dict[str, tuple[Any, Expected]]) -> list[object]:
    return [pytest.param(*row, id=title) for title, row in table.items()]


def call(arguments: object, **more: Any) -> dict[str, Any]:
    return {"id": "c", "type": "function", "function": {"name": "draw", "arguments": arguments}, **more}


MESSAGES: dict[str, tuple[dict[str, Any], Expected]] = {
    "images as addresses": ({"images": [BARE, A]}, [BARE, A]),
    "images as one address": ({"images": BARE}, [BARE]),
    "images as bare base64": ({"images": [PNG, JPEG]}, [P1, data(JPEG, "jpeg")]),
    "images with a plain image_url": ({"images": [{"type": "image_url", "image_url": P1}]}, [P1]),
    "images with url": ({"images": [{"url": BARE, "width": 1024, "height": 1024}]}, [BARE]),
    "images with b64_json": ({"images": [{"b64_json": WEBP}]}, [data(WEBP, "webp")]),
    "images with bytes and address": ({"images": [{"b64_json": PNG, "url": A}]}, [(P1, A)]),
    "images sorted by index": ({"images": [part(C, index=2), part(A, index=0), part(B, index=1)]}, [A, B, C]),
    "images of which one has no index": ({"images": [part(C, index=2), part(A)]}, [C, A]),
    "the same image twice": ({"images": [part(P1), part(P1)]}, [P1]),
    "the same object under two signatures": ({"images": [f"{A}?Expires=1&Signature=x", f"{A}?Expires=2&Signature=y"]}, [(f"{A}?Expires=1&Signature=x", f"{A}?Expires=2&Signature=y")]),
    "the object and its resized rendering": ({"images": [f"{A}?x-oss-process=image/resize,w_9", A]}, [(A, f"{A}?x-oss-process=image/resize,w_9")]),
    "image as a list of data": ({"image": [{"data": PNG}, {"data": GIF}]}, [P1, data(GIF, "gif")]),
    "image as an object": ({"image": {"url": BARE}}, [BARE]),
    "multi_modal_content": ({"content": "", "multi_modal_content": [{"text": "x"}, {"inline_data": {"mime_type": "image/png", "data": PNG}}]}, [P1]),
    "a lying MIME type": ({"multi_mod_content": [{"inlineData": {"mimeType": "image/png", "data": JPEG}}]}, [data(JPEG, "jpeg")]),
    "file data by address": ({"multi_mod_content": [{"fileData": {"mimeType": "image/png", "fileUri": BARE}}]}, [BARE]),
    "a truncated part": ({"multi_mod_content": [{"inlineData": {"mimeType": "image/png", "data": PNG[:-12]}}]}, []),
    "thoughts before the result": ({"multi_mod_content": [THOUGHT, {"inlineData": {"data": PNG}}]}, [P1]),
    "nothing but thoughts": ({"multi_mod_content": [{"thought": True, "inlineData": {"data": PNG}}, THOUGHT]}, []),
    "thoughts beside a picture in the text": ({"content": f"![a]({A})", "multi_mod_content": [THOUGHT]}, [A]),
    "parts of all kinds": ({"content": [{"type": "text", "text": "ok"}, part(A), {"type": "image", "image": B}, {"type": "output_image", "image_url": C}]}, [A, B, C]),
    "a part in Anthropic's way, by address": ({"content": [{"type": "image", "source": {"type": "url", "url": BARE}}]}, [BARE]),
    "a part that is a file": ({"content": [{"type": "file", "file": {"file_data": P1}}]}, [P1]),
    "a text part with Markdown": ({"content": [{"type": "text", "text": f"![a]({BARE})"}]}, [BARE]),
    "untyped parts": ({"content": [{"text": "ok"}, {"image": BARE}]}, [BARE]),
    "texts and addresses, no parts": ({"content": ["done: ", f"![a]({A})", B]}, [A, B]),
    "an input part shown again": ({"content": [{"type": "input_image", "image_url": A}, part(B)]}, [B]),
    "a thinking part": ({"content": [{"type": "thinking", "thinking": f"![a]({A})"}, {"type": "text", "text": f"![b]({B})"}]}, [B]),
    "one part, no list": ({"content": part(BARE)}, [BARE]),
    "parts as a JSON text": ({"content": orjson.dumps([part(BARE)]).decode()}, [BARE]),
    "an images answer as a JSON text": ({"content": orjson.dumps({"created": 1, "data": [{"b64_json": PNG}]}).decode()}, [P1]),
    "text parts that are cut within a link": ({"content": [{"type": "text", "text": "![a](https://img.exam"}, {"type": "text", "text": "ple.com/x)"}]}, ["https://img.example.com/x"]),
    "attachments": ({"content": "", "attachments": [{"type": "image", "url": BARE}, {"content_type": "image/png", "url": B}]}, [BARE, B]),
    "attachments that are no pictures": ({"attachments": [{"type": "file", "mime_type": "application/pdf", "url": "https://h.example/a.pdf"}]}, []),
    "files with a media type": ({"files": [{"mediaType": "image/png", "base64": PNG}, {"mediaType": "text/plain", "base64": "aGk="}]}, [P1]),
    "generated_images": ({"generated_images": [{"image_url": BARE}]}, [BARE]),
    "output_image": ({"content": None, "output_image": P1}, [P1]),
    "image_base64": ({"image_base64": JPEG}, [data(JPEG, "jpeg")]),
    "b64_json with white space": ({"b64_json": f"{PNG[:60]}\r\n{PNG[60:]}"}, [P1]),
    "b64_json, URL-safe, without padding": ({"b64_json": JPEG.replace("/", "_").replace("+", "-").rstrip("=")}, [data(JPEG, "jpeg")]),
    "b64_json that is an address": ({"b64_json": BARE}, [BARE]),
    "b64_json that is a data URL": ({"b64_json": P1}, [P1]),
    "a data URL in a data URL": ({"image_url": f"data:image/png;base64,{P1}"}, [P1]),
    "a data URL around an address": ({"image_url": f"data:image/png;base64,{BARE}"}, [BARE]),
    "camel case": ({"imageUrl": BARE}, [BARE]),
    "escapes in a field": ({"image_url": r"https:\/\/h.example\/x?a=1\u0026b=2"}, ["https://h.example/x?a=1&b=2"]),
    "an address in angle brackets and spaces": ({"image_url": f"  {BARE}\n"}, [BARE]),
    "Markdown in a picture field": ({"image_url": f"![a]({BARE})"}, [BARE]),
    "other schemes in fields": ({"images": ["sandbox:/mnt/a.png", "base64://x", "/mnt/a", "file-service://file-1"]}, []),
    "task pages in fields": ({"images": ["https://pro.asyncdata.net/web/task_1"]}, []),
    "citations": ({"content": "hi", "annotations": [{"type": "url_citation", "url_citation": {"url": A}}], "citations": [A], "search_results": [{"url": B}]}, []),
    "a citation among the parts": ({"content": [{"type": "url_citation", "url": A}, part(B)]}, [B]),
    "a tool call with an address": ({"content": None, "tool_calls": [call(orjson.dumps({"image_url": BARE}).decode())]}, [BARE]),
    "a tool call with parsed arguments": ({"tool_calls": [call({"image_url": BARE})]}, [BARE]),
    "an old function call": ({"function_call": {"name": "draw", "arguments": orjson.dumps({"image_url": BARE}).decode()}}, [BARE]),
    "a tool call with the prompt alone": ({"tool_calls": [call('{"prompt":"see https://h.example/a.png"}')]}, []),
    "a tool call that is cut off": ({"tool_calls": [call('{"image_url":"https://h.example/a.png')]}, []),
    "a refusal beside a picture": ({"refusal": "no", "images": [A]}, [A]),
}  # fmt: skip

TWICE: dict[str, tuple[dict[str, Any], Expected]] = {
    "the same bytes": ({"content": f"![a]({P1})", "image": [{"data": PNG}]}, [P1]),
    "the same object": ({"content": f"![a]({A})", "images": [part(A)]}, [A]),
    "the same object, signed": ({"content": f"![a]({A})", "images": [f"{A}?Signature=1"]}, [(f"{A}?Signature=1", A)]),
    "the same object, resized in the field": ({"content": f"![a]({A})", "images": [f"{A}?imageView2/1/w/9"]}, [(A, f"{A}?imageView2/1/w/9")]),
    "equal counts": ({"content": f"![a]({A})", "images": [part(P1)]}, [(P1, A)]),
    "equal counts of two": ({"content": f"![a]({A})\n![b]({B})", "images": [P1, P2]}, [(P1, A), (P2, B)]),
    "equal counts, one shared": ({"content": f"![a]({A})\n![b]({B})", "images": [A, C]}, [A, C, B]),
    "more in the text": ({"content": f"![a]({A})\n![b]({B})", "images": [P1]}, [P1, A, B]),
    "more in the text, one shared": ({"content": f"![a]({A})\n![b]({B})", "images": [B]}, [B, A]),
    "more in the fields": ({"content": f"![a]({A})", "images": [P1, P2]}, [P1, P2, A]),
    "picture, download and field": ({"content": "![a](https://h.example/cdn/a.png)\n[下载](https://h.example/cdn/download/a.png)", "images": [P1]}, [(P1, "https://h.example/cdn/a.png", "https://h.example/cdn/download/a.png")]),
    "the field is the preview": ({"content": f"![p]({B})\n[下载原图]({A})\n\nand\n\n![c]({C})", "images": [B]}, [(A, B), C]),
    "picture and download of the field's own address": ({"content": f"![a]({A})\n[下载]({A}?Signature=1)", "images": [A]}, [(A, f"{A}?Signature=1")]),
    "a progress mark and a field": ({"content": f"> 进度 [100]({A})", "images": [P1]}, [(P1, A)]),
    "a progress mark and two fields": ({"content": f"> 进度 [100]({A})", "images": [P1, P2]}, [P1, P2]),
    "data URL in the text, address in the field": ({"content": f"![a]({P1})", "images": [A]}, [(A, P1)]),
}  # fmt: skip

BODIES: dict[str, tuple[Any, Expected]] = {
    "images API, base64": ({"created": 1, "data": [{"b64_json": PNG}, {"b64_json": PNG2}]}, [P1, P2]),
    "images API, no extension": ({"data": [{"url": BARE, "revised_prompt": f"like {C}"}]}, [BARE]),
    "images API, one object": ({"code": 0, "message": "ok", "data": {"url": BARE}}, [BARE]),
    "images API, strings": ({"data": [A, BARE]}, [A, BARE]),
    "an enterprise wrapper": ({"success": True, "result": {"data": {"choices": [{"message": {"content": f"![a]({BARE})"}}]}}}, [BARE]),
    "a wrapper whose data is a JSON text": ({"code": 200, "data": orjson.dumps({"choices": [{"message": {"content": f"![a]({BARE})"}}]}).decode()}, [BARE]),
    "a list of answers": ([{"choices": [{"message": {"content": f"![a]({A})"}}]}, {"choices": [{"message": {"content": f"![b]({B})"}}]}], [A, B]),
    "several choices": ({"choices": [{"index": 1, "message": {"content": f"![b]({B})"}}, {"index": 0, "message": {"content": f"![a]({A})"}}]}, [A, B]),
    "several choices with fields": ({"choices": [{"index": 1, "message": {"images": [P2]}}, {"index": 0, "message": {"images": [P1]}}]}, [P1, P2]),
    "a completion's text": ({"choices": [{"index": 0, "text": f"![a]({BARE})"}]}, [BARE]),
    "a message that is a text": ({"choices": [{"message": f"![a]({BARE})"}]}, [BARE]),
    "images beside the message": ({"choices": [{"message": {"content": ""}, "images": [BARE]}]}, [BARE]),
    "a delta's text": ({"choices": [{"delta": {"text": f"![a]({BARE})"}}]}, [BARE]),
    "an answer in Anthropic's way": ({"type": "message", "role": "assistant", "content": [{"type": "text", "text": f"![a]({BARE})"}, {"type": "image", "source": {"data": PNG}}]}, [(P1, BARE)]),
    "an answer in Ollama's way": ({"message": {"role": "assistant", "content": f"![a]({BARE})"}, "done": True}, [BARE]),
    "an address as data": ({"code": 200, "data": BARE}, [BARE]),
    "Midjourney, done": ({"id": "1", "prompt": "cat", "imageUrl": A, "status": "SUCCESS", "progress": "100%"}, [A]),
    "Midjourney, on its way": ({"id": "1", "prompt": "cat", "imageUrl": A, "status": "IN_PROGRESS", "progress": "30%"}, []),
    "a task with its result": ({"code": "success", "data": {"task_id": "t1", "status": "SUCCESS", "data": {"data": [{"url": BARE}]}}}, [BARE]),
    "a recovered task": ({"id": "task_1", "status": "completed", "generations": [{"url": BARE}]}, [BARE]),
    "an image event": ({"type": "image", "data": BARE}, [BARE]),
    "grounding": ({"candidates": [{"content": {"parts": [{"text": "hi"}]}, "groundingMetadata": {"groundingChunks": [{"web": {"uri": A}}]}}]}, []),
    "Gemini": ({"candidates": [{"content": {"parts": [{"text": "ok"}, {"inline_data": {"mime_type": "image/png", "data": PNG}}]}}]}, [P1]),
    "Gemini as a list of chunks": ([{"candidates": [{"content": {"parts": [{"text": "ok"}]}}]}, {"candidates": [{"content": {"parts": [{"inlineData": {"data": PNG}}]}}]}], [P1]),
    "Gemini, file address": ({"candidates": [{"content": {"parts": [{"fileData": {"fileUri": BARE, "mimeType": "image/png"}}]}}]}, [BARE]),
    "Gemini, Markdown in a part": ({"candidates": [{"content": {"parts": [{"text": f"![a]({BARE})"}]}}]}, [BARE]),
    "Gemini, thought and picture": ({"candidates": [{"content": {"parts": [THOUGHT, {"inlineData": {"data": PNG}}]}}]}, [P1]),
    "Gemini in a wrapper": ({"response": {"candidates": [{"content": {"parts": [{"inlineData": {"data": PNG}}]}}]}}, [P1]),
    "Imagen": ({"predictions": [{"mimeType": "image/png", "bytesBase64Encoded": PNG}]}, [P1]),
    "Responses": ({"object": "response", "output": [{"type": "reasoning", "summary": []}, {"type": "image_generation_call", "result": PNG}]}, [P1]),
    "Responses, two calls": ({"output": [{"type": "image_generation_call", "result": PNG}, {"type": "image_generation_call", "result": PNG2}]}, [P1, P2]),
    "Responses, Markdown": ({"output": [{"type": "message", "content": [{"type": "output_text", "text": f"![a]({BARE})"}]}]}, [BARE]),
    "Responses, citation": ({"output": [{"type": "message", "content": [{"type": "output_text", "text": "hi", "annotations": [{"type": "url_citation", "url": A}]}]}]}, []),
    "Responses, an image part": ({"output": [{"type": "message", "content": [{"type": "output_image", "image_url": BARE}]}]}, [BARE]),
    "DashScope chat": ({"output": {"choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": [{"image": BARE}]}}]}, "request_id": "r", "code": "", "message": ""}, [BARE]),
    "DashScope task": ({"output": {"task_status": "SUCCEEDED", "results": [{"url": BARE}, {"code": "InternalError", "message": "x"}]}}, [BARE]),
    "a list of output addresses": ({"status": "succeeded", "output": [BARE, A]}, [BARE, A]),
    "one output address": ({"status": "succeeded", "output": BARE, "urls": {"get": "https://api.example.com/p/1"}}, [BARE]),
    "fal": ({"images": [{"url": BARE, "content_type": "image/png"}], "prompt": "cat", "seed": 1}, [BARE]),
    "artifacts": ({"artifacts": [{"base64": PNG, "finishReason": "SUCCESS"}]}, [P1]),
    "camel case in a wrapper": ({"code": 0, "data": {"imageUrls": [BARE]}}, [BARE]),
    "an echoed input beside the result": ({"input": {"image": B}, "output": {"images": [A]}}, [A]),
    "a list in a wrapper": ({"code": 0, "data": {"list": [{"url": A}, {"url": B}]}}, [A, B]),
    "an image list in a wrapper": ({"code": 0, "data": {"image_list": [A, B]}}, [A, B]),
    "a sample in a result": ({"id": "b", "status": "Ready", "result": {"sample": BARE}}, [BARE]),
    "an address without a host": ({"data": [{"url": "/files/2.png"}]}, [("/files/2.png",)]),
    "an error with a link": ({"error": {"message": "see https://h.example/a.png", "url": A}}, []),
    "a submitted task": ({"task_id": "abc123", "url": "https://api.example.com/tasks/abc123"}, []),
}  # fmt: skip

STREAMS: dict[str, tuple[list[Any], Expected]] = {
    "images in a delta": (["", {"images": [part(P1)]}], [P1]),
    "images over several deltas": ([{"images": [part(A, index=0)]}, {"images": [part(B, index=1)]}], [A, B]),
    "images over several deltas, out of order": ([{"images": [part(B, index=1)]}, {"images": [part(A, index=0)]}], [A, B]),
    "images repeated at the end": ([{"images": [part(P1)]}, {"images": [part(P1)]}], [P1]),
    "delta and a final message": ([f"![a]({A})", {"choices": [{"message": {"content": f"![a]({A})"}, "finish_reason": "stop"}]}], [A]),
    "a message without a delta": ([{"choices": [{"index": 0, "message": {"content": f"![a]({BARE})"}}]}], [BARE]),
    "content parts in a delta": ([{"content": [{"type": "text", "text": "x"}, part(BARE)]}], [BARE]),
    "a tool call in pieces": ([{"tool_calls": [call('{"image_', index=0)]}, {"tool_calls": [{"index": 0, "function": {"arguments": f'url":"{BARE}"'}}]}, {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]}], [BARE]),
    "two tool calls in turns": ([{"tool_calls": [call('{"image_url":', index=0), call('{"image_url":', index=1)]}, {"tool_calls": [{"index": 1, "function": {"arguments": f'"{B}"}}'}}, {"index": 0, "function": {"arguments": f'"{A}"}}'}}]}], [A, B]),
    "Gemini events": ([{"candidates": [{"content": {"parts": [{"text": "Here"}]}}]}, {"candidates": [{"content": {"parts": [{"inlineData": {"data": PNG}}]}, "finishReason": "STOP"}]}], [P1]),
    "Responses events": ([{"type": "response.output_text.delta", "delta": "ok"}, {"type": "response.image_generation_call.partial_image", "partial_image_b64": PNG2}, {"type": "response.output_item.done", "item": {"type": "image_generation_call", "result": PNG}}, {"type": "response.completed", "response": {"output": [{"type": "image_generation_call", "result": PNG}]}}], [P1]),
    "Images events": ([{"type": "image_generation.partial_image", "b64_json": PNG2}, {"type": "image_generation.completed", "b64_json": PNG}], [P1]),
    "nothing but partial images": ([{"type": "image_generation.partial_image", "b64_json": PNG}, {"type": "image_generation.partial_image", "b64_json": PNG2}], []),
    "Anthropic events": ([{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "![a](https://img.exa"}}, {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "mple.com/x)"}}], ["https://img.example.com/x"]),
    "a vendor's string events": ([{"type": "string", "data": "![a](https://img.exa", "code": 0}, {"type": "string", "data": "mple.com/x)", "code": 0}], ["https://img.example.com/x"]),
    "choices in turns": ([{"choices": [{"index": 1, "delta": {"content": "![b](https://b.exa"}}]}, f"![a]({A}) ", {"choices": [{"index": 1, "delta": {"content": "mple/y)"}}]}], [A, "https://b.example/y"]),
    "an error after the picture": ([f"![a]({A})", {"error": {"message": "boom", "code": 500}}], [A]),
}  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), rows(MESSAGES))
def test_fields_of_a_message(fields: dict[str, Any], expected: Expected) -> None:
    assert image_urls(message(fields)) == listed(expected)


@pytest.mark.parametrize(("fields", "expected"), rows(TWICE))
def test_images_in_fields_and_text(fields: dict[str, Any], expected: Expected) -> None:
    assert image_urls(message(fields)) == listed(expected)


@pytest.mark.parametrize(("value", "expected"), rows(BODIES))
def test_whole_bodies(value: object, expected: Expected) -> None:
    assert image_urls(body(value)) == listed(expected)


@pytest.mark.parametrize(("events", "expected"), rows(STREAMS))
def test_streams(events: list[Any], expected: Expected) -> None:
    assert image_urls(streamed(*events)) == listed(expected)


@pytest.mark.parametrize(
    ("value", "videos"),
    [
        pytest.param({"choices": [{"message": {"video_url": "https://v.example/1"}}]}, ["https://v.example/1"], id="field"),
        pytest.param({"choices": [{"message": {"content": [{"type": "video_url", "video_url": {"url": "https://v.example/1"}}]}}]}, ["https://v.example/1"], id="part"),
        pytest.param({"status": "completed", "video_url": "https://v.example/1.mp4"}, ["https://v.example/1.mp4"], id="task"),
        pytest.param({"data": [{"url": "https://v.example/1.mp4"}]}, ["https://v.example/1.mp4"], id="data"),
        pytest.param({"choices": [{"message": {"videos": [{"url": "https://v.example/1"}, "https://v.example/2"]}}]}, ["https://v.example/1", "https://v.example/2"], id="list"),
    ],
)  # fmt: skip
def test_videos_in_fields(value: object, videos: list[str]) -> None:
    assert list(body(value).videos) == videos
