"""JSON request bodies: parse, and refuse what a database cannot store, with the path of the member."""

import json
import re
from collections.abc import Callable
from typing import Any

import orjson
from starlette.requests import Request

from api.web.problems import Problem, invalid_field
from models.errors import InvalidRequest

DEPTH = 32  #: nesting levels of free-form fields
NUL_REFUSED = "a NUL character (U+0000) can't be stored"
_LONGEST_PATH = 200  # characters of a member's path in an error
_LONG_NUMBER = re.compile(rb"[0-9]{19}")
_INTEGERS = range(-(2**63), 2**64)  # those that are read and written exactly


async def read_json(request: Request) -> tuple[bytes, Any]:
    """Return the body of a request, raw and parsed. Raises the 400 problem, and 422 for NUL characters."""
    raw = await request.body()
    value = parse_json(raw)
    if (path := find_nul(raw, value)) is not None:
        raise invalid_field(path, NUL_REFUSED)
    return raw, value


def parse_json(raw: bytes) -> Any:
    """Return the value of a JSON body, its integers exactly. Raises the 400 problem."""
    try:
        value = orjson.loads(raw)
        # orjson reads integers beyond 64 bits as floats; it has checked the rest
        return json.loads(raw) if _LONG_NUMBER.search(raw) else value
    except (ValueError, RecursionError) as error:
        detail = f"The body is not valid JSON: {error}." if raw else "The body is empty; send JSON."
        raise Problem(400, "malformed_json", detail) from error


def find_nul(raw: bytes, value: Any) -> str | None:
    """Return the path of a NUL character in ``value``, a part of the body ``raw``, or ``None``."""
    return _find(value, _has_nul) if b"\\u0000" in raw else None


def _has_nul(value: Any) -> bool:
    return (
        "\0" in value if isinstance(value, str) else isinstance(value, dict) and any("\0" in n for n in value)
    )


def _is_inexact(value: Any) -> bool:
    return isinstance(value, int) and value not in _INTEGERS


def _find(value: Any, wrong: Callable[[Any], bool]) -> str | None:
    """Return the path of a wrong member, or ``None``. Not recursive: bodies may be nested very deeply."""
    rest: list[tuple[str, Any]] = [("", value)]
    while rest:
        path, inner = rest.pop()
        if wrong(inner):
            return path or "body"
        if isinstance(inner, dict):
            rest += [(_child(path, name), each) for name, each in reversed(inner.items())]
        elif isinstance(inner, list):
            rest += [(_child(path, str(index)), inner[index]) for index in reversed(range(len(inner)))]
    return None


def _child(path: str, name: str) -> str:
    return f"{path}.{name}"[:_LONGEST_PATH] if path else name[:_LONGEST_PATH]


def check_free_form(field: str, value: dict[str, Any], limit: int) -> None:
    """Check a free-form object: at most ``DEPTH`` levels and ``limit`` bytes as JSON.

    Raises ``InvalidRequest``.
    """
    if not value:
        return
    if _is_deeper(value, DEPTH):
        raise InvalidRequest(field, f"nest it at most {DEPTH} levels deep")
    try:
        size = len(orjson.dumps(value))
    except TypeError as error:
        path, message = _find(value, _is_inexact), "is an integer beyond 64 bits; send it as a text"
        raise InvalidRequest(_child(field, path or ""), message) from error
    if size > limit:
        raise InvalidRequest(field, f"may have at most {limit:,} bytes as JSON")


def _is_deeper(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        inner: Any = value.values()
    elif isinstance(value, list):
        inner = value
    else:
        return False
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in inner)
