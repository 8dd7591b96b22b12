"""Request bodies: JSON that every database can keep, or a problem that names the place."""

from typing import Any

import orjson
from starlette.requests import Request

from api.problems import Problem, invalid
from models.errors import InvalidRequest

DEPTH = 32  #: levels of nesting in free-form fields


async def read_json(request: Request) -> tuple[bytes, Any]:
    """Return a request's body, raw and parsed. Raises the 400 problem, and 422 for NUL characters."""
    raw = await request.body()
    value = parse_json(raw)
    if b"\\u0000" in raw and (place := _find_nul(value, "")) is not None:
        raise invalid(place or "body", "a NUL character (U+0000) can't be stored")
    return raw, value


def parse_json(raw: bytes) -> Any:
    """Return what a body says. Raises the 400 problem."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        detail = f"The body is not valid JSON: {error}." if raw else "The body is empty; send JSON."
        raise Problem(400, "malformed_json", detail) from error


def _find_nul(value: Any, place: str) -> str | None:
    """Return where the first NUL character is, or ``None``."""
    if isinstance(value, str):
        return place if "\0" in value else None
    if isinstance(value, dict):
        if any("\0" in name for name in value):
            return place or "body"
        pairs = [(name, inner) for name, inner in value.items()]
    elif isinstance(value, list):
        pairs = [(str(index), inner) for index, inner in enumerate(value)]
    else:
        return None
    found = (_find_nul(inner, f"{place}.{name}" if place else name) for name, inner in pairs)
    return next((place for place in found if place is not None), None)


def check_free_form(field: str, value: dict[str, Any], limit: int) -> None:
    """Refuse a free-form object that is nested too deeply or longer than ``limit`` bytes as JSON."""
    if not value:
        return
    if _deeper(value, DEPTH):
        raise InvalidRequest(field, f"nest it at most {DEPTH} levels deep")
    if len(orjson.dumps(value)) > limit:
        raise InvalidRequest(field, f"may have at most {limit:,} bytes as JSON")


def _deeper(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        inner: Any = value.values()
    elif isinstance(value, list):
        inner = value
    else:
        return False
    return levels == 0 or any(_deeper(each, levels - 1) for each in inner)
