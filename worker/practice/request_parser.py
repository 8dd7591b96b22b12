"""What a request body asks for."""

import binascii
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from models.errors import InvalidRequest
from worker.practice.drawing.png import prompt_of
from worker.practice.hints import read_hints
from worker.practice.request_options import Wish
from worker.practice.sizes import size_of


@dataclass(frozen=True, slots=True)
class Asked:
    """One call, understood. ``prompt`` is the user's text as it came, ``caption`` the same without hints."""

    model: str
    prompt: str
    caption: str
    stream: bool
    size: tuple[int, int]
    n: int
    wish: Wish
    seen: str | None = (
        None  #: what the first input picture shows, if it is one of ours and a reader looks at it
    )


def read_call(body: bytes, defaults: Wish) -> Asked:
    """Read the body of a call to ``/v1/chat/completions``. Raises ``InvalidRequest``."""
    try:
        call = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("body", f"this is not JSON: {error}") from error
    if not isinstance(call, dict) or not isinstance(call.get("messages"), list):
        raise InvalidRequest("messages", "a list of messages is required")
    prompt = _prompt(call["messages"])
    caption, members = read_hints(prompt)
    wish = _wish(defaults, members, call.get("practice"))
    asked_n = call.get("n")
    n = wish.n or (min(max(asked_n, 1), 10) if isinstance(asked_n, int) else 1)
    model, stream = str(call.get("model") or "practice-image"), call.get("stream") is True
    seen = _seen(call["messages"]) if reads_and_writes(model) else None
    return Asked(model, prompt, caption, stream, size_of(call, prompt), n, wish, seen)


def reads_and_writes(model: str) -> bool:
    """Tell whether a model answers in words: one with ``text`` in its name."""
    return "text" in model.lower()


def makes_videos(model: str) -> bool:
    """Tell whether a model makes videos: one with ``video`` in its name."""
    return "video" in model.lower()


def _wish(defaults: Wish, hints: dict[str, Any], practice: object) -> Wish:
    if practice is not None and not isinstance(practice, dict):
        raise InvalidRequest("practice", "an object is expected")
    if not hints and not practice:
        return defaults
    try:
        return defaults.changed(hints | (practice or {}))
    except ValidationError as error:
        fault = error.errors()[0]
        field = ".".join(map(str, ("practice", *fault["loc"])))
        raise InvalidRequest(field, fault["msg"].removeprefix("Value error, ")) from error


def _prompt(messages: list[Any]) -> str:
    """Return the text of the last message that a user wrote."""
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role", "user") == "user":
            return _text(message.get("content"))
    return ""


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = (part.get("text") for part in parts if isinstance(part, dict))
    return "\n".join(text for text in texts if isinstance(text, str))


def _seen(messages: list[Any]) -> str | None:
    """Return what the first picture of ours was drawn for."""
    for message in messages:
        parts = message.get("content") if isinstance(message, dict) else None
        for part in parts if isinstance(parts, list) else ():
            picture = part.get("image_url") if isinstance(part, dict) else None
            url = picture.get("url") if isinstance(picture, dict) else None
            if isinstance(url, str) and url.startswith("data:"):
                with suppress(ValueError):
                    return prompt_of(binascii.a2b_base64(url.partition(",")[2]))
    return None
