"""Request bodies: JSON that every database can keep, or a problem that names the place."""

from typing import Any

import orjson
from starlette.requests import Request

from api.web.problems import Problem, invalid_field
from models.errors import InvalidRequest

DEPTH = 32  #: levels of nesting in free-form fields
_PLACE = 200  # characters of the place of a fault


async def read_json(request: Request) -> tuple[bytes, Any]:
    """Return a request's body, raw and parsed. Raises the 400 problem, and 422 for NUL characters."""
    raw = await request.body()
    value = parse_json(raw)
    if b"\\u0000" in raw and (place := _find_nul(value)) is not None:
        raise invalid_field(place, "a NUL character (U+0000) can't be stored")
    return raw, value


def parse_json(raw: bytes) -> Any:
    """Return what a body says. Raises the 400 problem."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        detail = f"The body is not valid JSON: {error}." if raw else "The body is empty; send JSON."
        raise Problem(400, "malformed_json", detail) from error


def _find_nul(value: Any) -> str | None:
    """Return where a NUL character is, or ``None``. Not recursive: bodies may be nested very deeply."""
    rest: list[tuple[str, Any]] = [("", value)]
    while rest:
        place, inner = rest.pop()
        if isinstance(inner, str):
            if "\0" in inner:
                return place or "body"
        elif isinstance(inner, dict):
            if any("\0" in name for name in inner):
                return place or "body"
            rest += [(_within(place, name), each) for name, each in reversed(inner.items())]
        elif isinstance(inner, list):
            rest += [(_within(place, str(index)), inner[index]) for index in reversed(range(len(inner)))]
    return None


def _within(place: str, name: str) -> str:
    return f"{place}.{name}"[:_PLACE] if place else name[:_PLACE]


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
