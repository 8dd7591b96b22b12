"""Query parameters and headers: read them, or raise a problem that names the wrong one."""

import re
from collections.abc import Mapping, Sequence
from uuid import UUID

from starlette.requests import Request

from api.auth import TOKEN
from api.services import services_of
from api.web.problems import invalid_field
from models.errors import NotFound
from models.ids import Kind, parse_id, short_range
from models.queries.short_ids import whole_id

LONGEST_WAIT = 60  #: seconds; a longer ``wait`` is refused, and one over ``longest_wait`` is shortened
INT32 = 2**31 - 1
_PREFER_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,9})\"?(?=$|[,;\s])", re.ASCII | re.IGNORECASE)


def read_integer(
    source: Mapping[str, str], name: str, *, default: int | None, least: int = 0, most: int = INT32
) -> int | None:
    """Return a whole number, or ``default`` if it is missing or empty. Raises the 422 problem."""
    text = source.get(name)
    if text is None or text == "":
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and least <= int(text) <= most):
        raise invalid_field(name, f"must be a whole number from {least} to {most}")
    return int(text)


def read_boolean(source: Mapping[str, str], name: str) -> bool:
    """Return whether a parameter is ``true``; missing or empty it is not. Raises the 422 problem."""
    text = source.get(name) or "false"
    if text not in ("true", "false"):
        raise invalid_field(name, "write true or false")
    return text == "true"


def read_cursor(source: Mapping[str, str], name: str, kind: Kind) -> UUID | None:
    """Return the id with which an earlier page ended, or ``None``. Raises the 422 problem."""
    text = read_text(source, name, longest=64)
    try:
        return None if text is None else parse_id(kind, text)
    except NotFound as error:
        raise invalid_field(name, "must be what an earlier page gave as next") from error


def read_text(source: Mapping[str, str], name: str, *, longest: int) -> str | None:
    """Return a text, or ``None`` if it is missing or empty. Raises the 422 problem."""
    text = source.get(name) or None
    if text is not None and ("\0" in text or len(text) > longest):
        raise invalid_field(name, f"must have at most {longest} characters, and no NUL")
    return text


def read_words(source: Mapping[str, str], name: str, *, known: Sequence[str]) -> list[str]:
    """Return the words of a comma-separated list, each once; none: it is missing or empty.

    Raises the 422 problem for a word that is not ``known``.
    """
    words = list(dict.fromkeys(word.strip() for word in source.get(name, "").split(",") if word.strip()))
    for word in words:
        if word not in known:
            raise invalid_field(name, f"there is no {word[:64]!r}; write {', '.join(known)}")
    return words


def read_query(request: Request, names: frozenset[str]) -> Mapping[str, str]:
    """Return the query parameters. Raises the 422 problem for an unknown name.

    Ignoring a misspelt filter would silently return a longer list.
    """
    for name in request.query_params:
        if name not in names and name != TOKEN:
            raise invalid_field(
                name[:200], f"there is no such parameter; known are {', '.join(sorted(names))}"
            )
    return request.query_params


async def read_path_id(request: Request, kind: Kind, name: str, *, caller_id: UUID | None) -> UUID:
    """Return the id in the path, whole or short, of an object of a caller (``None``: of any).

    Raises ``NotFound``, and ``InvalidRequest`` for a short id that several objects have.
    """
    text: str = request.path_params[name]
    if short_range(kind, text) is not None:
        async with services_of(request).database.reading() as connection:
            text = await whole_id(connection, kind, text, caller_id=caller_id, field=name)
    return parse_id(kind, text)


def read_prefer_wait(request: Request, *, longest: int) -> int | None:
    """Return the seconds of ``Prefer: wait=N`` (RFC 7240), at most ``longest``, or ``None``."""
    for line in request.headers.getlist("prefer"):
        if found := _PREFER_WAIT.search(line):
            return min(int(found[1]), longest) or None
    return None
