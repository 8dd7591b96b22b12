"""Parsed answers from short notations, and small complete images in base64."""

from collections.abc import Sequence
from typing import Any

import orjson

from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.response_reader import read_answer

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mM4IScHAAK2AQUKW6YGAAAAAElFTkSuQmCC"
PNG2 = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR42mOQOyEHAAIMAQUTReXtAAAAAElFTkSuQmCC"
JPEG = "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB/9k="
WEBP = "UklGRjAAAABXRUJQVlA4ICQAAABwAQCdASoBAAEADMDOJaACdAFAAAD+2iYRho1+LuxHGSQAAAA="
GIF = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
AVIF = "AAAAHGZ0eXBhdmlmAAAAAG1pZjFhdmlmbWlhZgAAAOptZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0"

#: images: each its URL, or its URL with its alternates
Expected = Sequence[str | tuple[str, ...]]


def data(payload: str, mime: str = "png") -> str:
    """Return base64 as a ``data:`` URL."""
    return f"data:image/{mime};base64,{payload}"


def body(value: object, **options: Any) -> Answer:
    """Parse a JSON body."""
    return read_answer(orjson.dumps(value), **options)


def message(fields: dict[str, Any], **options: Any) -> Answer:
    """Parse an answer with one message."""
    return body({"choices": [{"index": 0, "message": fields, "finish_reason": "stop"}]}, **options)


def text_answer(content: str, **options: Any) -> Answer:
    """Parse an answer whose message has this text."""
    return message({"role": "assistant", "content": content}, **options)


def streamed(*events: object, done: bool = True, **options: Any) -> Answer:
    """Parse a stream; a text or a mapping without ``choices`` is a delta of choice 0."""
    lines = [b"data: " + orjson.dumps(_event(event)) + b"\n\n" for event in events]
    return read_answer(b"".join((*lines, b"data: [DONE]\n\n" if done else b"")), **options)


def _event(event: object) -> object:
    delta = {"content": event} if isinstance(event, str) else event
    if isinstance(delta, dict) and not {"choices", "type", "error", "candidates"} & delta.keys():
        return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    return delta


def image_urls(answer: Answer) -> list[tuple[str, ...]]:
    """Return the URLs of the images, each with its alternates."""
    return [(picture.address, *picture.alternates) for picture in answer.images]


def listed(expected: Expected) -> list[tuple[str, ...]]:
    """Return expected images in the form of ``image_urls``."""
    return [(item,) if isinstance(item, str) else item for item in expected]
