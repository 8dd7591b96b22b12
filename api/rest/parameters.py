"""Query parameters and headers: read them, or raise a problem that names the wrong one."""

import re
from collections.abc import Mapping

from starlette.requests import Request

from api.auth import TOKEN
from api.web.problems import invalid_field

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


def read_text(source: Mapping[str, str], name: str, *, longest: int) -> str | None:
    """Return a text, or ``None`` if it is missing or empty. Raises the 422 problem."""
    text = source.get(name) or None
    if text is not None and ("\0" in text or len(text) > longest):
        raise invalid_field(name, f"must have at most {longest} characters, and no NUL")
    return text


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


def read_prefer_wait(request: Request, *, longest: int) -> int | None:
    """Return the seconds of ``Prefer: wait=N`` (RFC 7240), at most ``longest``, or ``None``."""
    for line in request.headers.getlist("prefer"):
        if found := _PREFER_WAIT.search(line):
            return min(int(found[1]), longest) or None
    return None
