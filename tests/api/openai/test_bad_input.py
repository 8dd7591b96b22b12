"""Bad input on each path of the API: an error that names the member, never a 500, and nothing half-made."""

import base64
from typing import Any

import pytest

from tests.api.openai.pictures import png
from tests.api.openai.stack import MODEL, OpenAiStack
from tests.api.service import BOB

MESSAGES = [{"role": "user", "content": "a fox"}]
BATCH = {
    "input_file_id": "file-" + "0" * 26,
    "endpoint": "/v1/images/generations",
    "completion_window": "24h",
}
HOOK = {"name": "n", "url": "http://127.0.0.1:9/", "event_types": ["batch.completed"]}
PATHS = (
    *("/images/generations", "/images/edits", "/chat/completions", "/responses", "/batches", "/tasks/batch"),
    "/webhook_endpoints",
)
NOT_JSON = (b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"[" * 5_000, b'{"prompt":"\\u0000"}')
JSON = {"Content-Type": "application/json"}


def data_url(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()


def edit(image: Any, **more: Any) -> tuple[str, dict[str, Any]]:
    return "/images/edits", {"model": MODEL, "prompt": "a fox", "images": [image], **more}


def chat(url: Any, **more: Any) -> tuple[str, dict[str, Any]]:
    parts = [{"type": "text", "text": "a fox"}, {"type": "image_url", "image_url": {"url": url}}]
    return "/chat/completions", {"model": MODEL, "messages": [{"role": "user", "content": parts}], **more}


def respond(image: dict[str, Any], **more: Any) -> tuple[str, dict[str, Any]]:
    parts = [{"type": "input_text", "text": "a fox"}, {"type": "input_image", **image}]
    return "/responses", {"model": MODEL, "input": [{"role": "user", "content": parts}], **more}


def whole() -> list[tuple[str, dict[str, Any]]]:
    """Return a good request of each path that names a model."""
    return [
        ("/images/generations", {"model": MODEL, "prompt": "a fox"}),
        edit({"image_url": data_url(png())}),
        ("/chat/completions", {"model": MODEL, "messages": MESSAGES}),
        ("/responses", {"model": MODEL, "input": "a fox"}),
    ]


def check_error(answer: Any, status: int, code: str | None = None, param: str | None = None) -> None:
    """Check that an answer is OpenAI's error object."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error.keys() == {"message", "type", "param", "code"}
    assert error["message"]
    assert answer.headers["x-request-id"]
    assert answer.headers["x-should-retry"] == "false"
    if code is not None:
        assert (error["code"], error["param"]) == (code, param), error


async def test_bodies_that_are_no_json_objects_and_members_that_no_path_takes(stack: OpenAiStack) -> None:
    for path in PATHS:
        for content in NOT_JSON:
            check_error(await stack.post(path, content=content, headers=JSON), 400)
        check_error(await stack.post(path, content=b"{}", headers={"Content-Type": "text/plain"}), 415)
    for path, body in whole():
        for name, wrong, param in (
            *(("model", 7, "model"), ("model", "", "model"), ("stream", "yes", "stream")),
            *(("metadata", 7, "metadata"), ("service_tier", "x", "service_tier")),
            *(("darkroom", 7, "darkroom"), ("darkroom", {"x": 1}, "darkroom.x")),
            ("darkroom", {"priority": 99}, "priority"),
        ):
            check_error(await stack.post(path, json=body | {name: wrong}), 400, "invalid_value", param)
        unknown = await stack.post(path, json=body | {"model": "gpt-imagine"})
        check_error(unknown, 404, "model_not_found", "model")
    for path, body in whole()[:3]:
        for wrong in (0, "x", 10**6):
            check_error(await stack.post(path, json=body | {"n": wrong}), 400, "invalid_value", "n")
    for name, wrong in (("prompt", ""), ("prompt", 7), ("size", "huge"), ("size", 7)):
        for path, body in whole()[:2]:
            check_error(await stack.post(path, json=body | {name: wrong}), 400, "invalid_value", name)
    long = await stack.post("/images/generations", json=whole()[0][1] | {"prompt": "x" * 200_000})
    check_error(long, 400, "prompt_too_long", "prompt")
    for changes, param in (({}, "input_file_id"), ({"endpoint": "/v1/embeddings"}, "endpoint")):
        status, code = (400, "invalid_value") if changes else (404, "not_found")
        check_error(await stack.post("/batches", json=BATCH | changes), status, code, param)
    assert not await stack.jobs()
    assert not stack.calls


async def test_pictures_that_are_none_of_others_or_masks_of_another_size(stack: OpenAiStack) -> None:
    bob, client = stack.client(BOB), stack.client()
    foreign = await bob.files.create(file=("fox.png", png()), purpose="vision")
    words = await client.files.create(file=("a.txt", b"words"), purpose="user_data")
    hole = {"image_url": data_url(png(9, 9, "#00000000"))}
    own = await client.files.create(file=("fox.png", png()), purpose="vision")
    invalid, missing = "input_image_invalid", "input_image_not_found"
    place = "messages.0.content.1.image_url"
    cases: list[tuple[tuple[str, dict[str, Any]], str, str]] = [
        *((edit({"image_url": url}), invalid, "images.0") for url in (data_url(b"words"), "data:,")),
        (edit({"image_url": "file:///etc/passwd"}), "invalid_value", "images.0"),
        *((edit({"file_id": key}), missing, "images.0") for key in (foreign.id, words.id, "file-x")),
        (edit({"image_url": data_url(png())}, mask=hole), "invalid_value", "mask"),
        (edit({"file_id": own.id}, mask=hole), "invalid_value", "mask"),
        (edit({"file_id": own.id}, mask={"image_url": data_url(b"words")}), invalid, "mask"),
        *((chat(url), invalid, place) for url in (data_url(b"words"), "data:,")),
        (chat("asset_x"), missing, place),
        (respond({"image_url": data_url(b"words")}), invalid, "input.0.content.1"),
        (respond({"image_url": "words"}), "invalid_value", "input.0.content.1"),
        *((respond({"file_id": key}), missing, "input.0.content.1") for key in (foreign.id, "file-x")),
        (respond({"file_id": foreign.id}, instructions="draw"), missing, "input"),
    ]
    for (path, body), code, param in cases:
        answer = await stack.post(path, json=body)
        check_error(answer, 400, code, param)
        if foreign.id in str(body):
            assert f"picture '{foreign.id}'" in answer.json()["error"]["message"], "as its client named it"
    assert not await stack.jobs()
    for path, body in (edit({"file_id": own.id}), respond({"file_id": own.id})):
        assert (await stack.post(path, json=body)).status_code == 200
    assert len(stack.calls) == 2


@pytest.mark.parametrize("path", ["/embeddings", "/audio/speech", "/completions", "/moderations"])
async def test_paths_that_are_not_served_say_so(stack: OpenAiStack, path: str) -> None:
    check_error(await stack.post(path, json={}), 404, "not_found")
