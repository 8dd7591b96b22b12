"""JSON request bodies: parse, and refuse what a database cannot store, with the path of the member."""

from typing import Any

import orjson
from starlette.requests import Request

from api.web.problems import Problem, invalid_field
from models.errors import InvalidRequest

DEPTH = 32  #: nesting levels of free-form fields
_LONGEST_PATH = 200  # characters of a member's path in an error


async def read_json(request: Request) -> tuple[bytes, Any]:
    """Return the body of a request, raw and parsed. Raises the 400 problem, and 422 for NUL characters."""
    raw = await request.body()
    value = parse_json(raw)
    if b"\\u0000" in raw and (path := _find_nul(value)) is not None:
        raise invalid_field(path, "a NUL character (U+0000) can't be stored")
    return raw, value


def parse_json(raw: bytes) -> Any:
    """Return the value of a JSON body. Raises the 400 problem."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        detail = f"The body is not valid JSON: {error}." if raw else "The body is empty; send JSON."
        raise Problem(400, "malformed_json", detail) from error


def _find_nul(value: Any) -> str | None:
    """Return the path of a NUL character, or ``None``. Not recursive: bodies may be nested very deeply."""
    rest: list[tuple[str, Any]] = [("", value)]
    while rest:
        path, inner = rest.pop()
        if isinstance(inner, str):
            if "\0" in inner:
                return path or "body"
        elif isinstance(inner, dict):
            if any("\0" in name for name in inner):
                return path or "body"
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
    if len(orjson.dumps(value)) > limit:
        raise InvalidRequest(field, f"may have at most {limit:,} bytes as JSON")


def _is_deeper(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        inner: Any = value.values()
    elif isinstance(value, list):
        inner = value
    else:
        return False
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in inner)
