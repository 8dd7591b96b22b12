"""Bodies of provider responses, and their classification in one line."""

from collections.abc import Mapping
from typing import Any

import orjson

from models.outcomes import CallResult
from worker.upstream.errors.classify import classify
from worker.upstream.parsing.response_reader import read_answer

REQUEST_ID = " (request id: 20260101102233445566778Zq3xTv1a)"


def classified(
    status: int, body: object = b"", *, headers: Mapping[str, str] | None = None, elapsed: float = 0.0
) -> CallResult:
    """Classify a body: bytes as they are, other values as JSON."""
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    answer = read_answer(data, failed=status >= 400)
    return classify(answer, status=status, headers=headers, elapsed=elapsed)


def summary(result: CallResult) -> str:
    """Return outcome, code and scope in one line."""
    parts = (result.outcome, result.code, result.scope)
    return " ".join(str(part) for part in parts if part is not None)


def error(message: str, **members: Any) -> dict[str, Any]:
    """Return the usual error body."""
    return {"error": {"message": message, **members}}


def chat_body(text: str | None, *, finish: str = "stop", tokens: int = 143, **message: Any) -> dict[str, Any]:
    """Return the usual successful body, with a text of the model."""
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, **message},
        "finish_reason": finish,
    }
    return {"object": "chat.completion", "choices": [choice], "usage": {"completion_tokens": tokens}}


def stream(*events: object, done: bool = True) -> bytes:
    """Return an event stream."""
    lines = [b"data: " + orjson.dumps(event) + b"\n\n" for event in events]
    return b"".join(lines) + (b"data: [DONE]\n\n" if done else b"")


def delta(text: str | None = None, finish: str | None = None) -> dict[str, Any]:
    """Return one event of a stream."""
    content = {} if text is None else {"content": text}
    return {"choices": [{"index": 0, "delta": content, "finish_reason": finish}]}


def page(title: str, body: str = "") -> bytes:
    """Return a web page, as servers send it instead of an answer."""
    return f"<html>\n<head><title>{title}</title></head>\n<body>{body}<hr>nginx</body>\n</html>".encode()
