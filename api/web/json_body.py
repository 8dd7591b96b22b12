"""JSON request bodies: parse, and refuse what a database cannot store, with the path of the member."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from starlette.requests import Request

from api.auth import Caller
from api.services import services_of
from api.web.content_types import check_media_type
from api.web.json_text.parser import parse_text
from api.web.json_text.structure import StructureError
from api.web.problems import Problem, invalid_field
from api.web.request_body import body_of
from models.errors import InvalidRequest

DEPTH = 32  #: nesting levels of free-form fields
NUL_REFUSED = "a NUL character (U+0000) can't be stored"
_LONGEST_PATH = 200  # characters of a member's path in an error
_LARGE = 256 * 1024  # bytes
_INTEGERS = range(-(2**63), 2**64)  # those that are read and written exactly
_Member = tuple[Any, str, "_Member | None"]  # a value, its name, and what it is a member of


@dataclass(frozen=True, slots=True)
class ParsedBody:
    """The value of a JSON body, its integers exactly."""

    value: Any
    may_have_nul: bool  #: whether ``find_nul`` may find one


async def read_json(
    request: Request, caller: Caller, *, images: bool = False, optional: bool = False
) -> tuple[bytes, Any]:
    """Return the body of a request, raw and parsed; ``{}`` for an empty one that is ``optional``.

    Raises what ``read_bytes`` and ``parse_json`` do, and 422 for NUL characters.
    """
    raw = await read_bytes(request, caller, images=images)
    if optional and not raw:
        return raw, {}
    parsed = await parse_json(raw)
    if parsed.may_have_nul and (path := find_nul(parsed.value)) is not None:
        raise invalid_field(path, NUL_REFUSED)
    return raw, parsed.value


async def read_bytes(request: Request, caller: Caller, *, images: bool = False) -> bytes:
    """Return the body of a request; it waits while larger bodies of its caller are worked on.

    ``images``: it may carry images, and so be as large as any body. Raises the 413 problem, and 415.
    """
    check_media_type(request)
    settings = services_of(request).settings
    setting = "request_body_limit" if images else "json_limit"
    return await body_of(request.scope).read(caller.id, getattr(settings, setting), setting)


async def parse_json(raw: bytes) -> ParsedBody:
    """Return a JSON body, parsed. Raises the 400 problem.

    Large bodies are checked in a thread, which lets the event loop run.
    """
    return await asyncio.to_thread(parse, raw) if len(raw) > _LARGE else parse(raw)


async def digest_of(raw: bytes) -> bytes:
    """Return the SHA-256 of a body; that of a large one is computed in a thread."""
    digest = await asyncio.to_thread(sha256, raw) if len(raw) > _LARGE else sha256(raw)
    return digest.digest()


def parse(raw: bytes) -> ParsedBody:
    """Return a JSON body, as ``parse_json`` does, in this thread."""
    try:
        return ParsedBody(*parse_text(raw))
    except StructureError as error:
        raise Problem(400, error.code, f"The body is refused before it is read. {error}.") from error
    except (ValueError, RecursionError) as error:
        detail = f"The body is not valid JSON: {_reason(error)}." if raw else "The body is empty; send JSON."
        raise Problem(400, "malformed_json", detail) from error


def _reason(error: Exception) -> str:
    """Return why a text is no JSON, without the words of the parser for its own types."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return "it is not UTF-8" if "UTF-8" in str(error) else str(error)


def find_nul(value: Any) -> str | None:
    """Return the path of a NUL character in a value, or ``None``."""
    return _find(value, _has_nul)


def _has_nul(value: Any) -> bool:
    return (
        "\0" in value if isinstance(value, str) else isinstance(value, dict) and any("\0" in n for n in value)
    )


def _is_inexact(value: Any) -> bool:
    return isinstance(value, int) and value not in _INTEGERS


def _find(value: Any, wrong: Callable[[Any], bool]) -> str | None:
    """Return the path of a wrong member, or ``None``. Neither recursive nor quadratic."""
    rest: list[_Member] = [(value, "", None)]
    while rest:
        member = rest.pop()
        inner = member[0]
        if wrong(inner):
            return _path_of(member) or "body"
        if isinstance(inner, dict):
            rest += [(each, name, member) for name, each in reversed(inner.items())]
        elif isinstance(inner, list):
            rest += [(inner[index], str(index), member) for index in reversed(range(len(inner)))]
    return None


def _path_of(member: "_Member") -> str:
    names = []
    above: _Member | None = member
    while above is not None:
        _, name, above = above
        names.append(name)
    return ".".join(reversed(names[:-1]))[:_LONGEST_PATH]


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
        raise InvalidRequest(f"{field}.{path}"[:_LONGEST_PATH], message) from error
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
