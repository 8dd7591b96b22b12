"""Byte ranges of a response (RFC 9110, section 14): one range, with ``If-Range``."""

import re
from collections.abc import Mapping

from starlette.requests import Request

from api.web.problems import Problem

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


def requested_range(
    request: Request, etag: str, size: int, *, headers: Mapping[str, str]
) -> tuple[int, int] | None:
    """Return start and end of the Range header, or ``None`` for the whole content (14.2).

    ``headers``: of the 416 problem, which is raised where no byte of the content is meant.
    """
    condition = request.headers.get("if-range")
    found = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if found is None or (condition is not None and condition != etag) or found.group() == "bytes=-":
        return None
    first, last = found[1], found[2]
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= end:
        given = {**headers, "Content-Range": f"bytes */{size}"}
        raise Problem(416, "range_not_satisfiable", f"The content has {size:,} bytes.", headers=given)
    return start, end
