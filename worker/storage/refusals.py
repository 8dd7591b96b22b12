"""What it means when a picture host answers with anything but the picture."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from models.errors import PictureError

YOUNG = timedelta(seconds=60)  #: so long after the answer, a host may not have the picture yet
LONGEST_WAIT = timedelta(hours=1)  #: no host may make us wait longer

#: How OSS, S3, Azure, Google and TOS say that a signed link is over.
_EXPIRED = re.compile(
    rb"(has|have|is|was|url|link|signature|token)[\s_-]*expired|expired[\s_-]*(token|url|link|signature)"
    rb"|not valid in the specified time frame",
    re.IGNORECASE,
)
_MAY_BE_EXPIRED = frozenset({400, 401, 403, 404, 410})
_BUSY = frozenset({408, 409, 421, 423, 425, 429})


def judge_refusal(
    status: int, headers: Mapping[str, str], body: bytes, *, age: timedelta, now: datetime
) -> PictureError:
    """Turn an answer that is neither 200 nor a redirect into the error that says what to do next.

    ``body`` is its beginning, ``age`` how long ago the link was given to us.
    """
    if status in _MAY_BE_EXPIRED and _EXPIRED.search(body):
        return PictureError("asset_expired", f"The link has expired, says its host (HTTP {status}).")
    if status in (404, 410):
        young = status == 404 and age < YOUNG
        return PictureError("asset_not_found", f"The picture is not there (HTTP {status}).", retryable=young)
    if status in (401, 402, 403, 451):
        # A page is a guard's and may be gone next time; a message in JSON or XML is the host's last word.
        page = re.match(rb"\s*<(!doctype|html|head|body)", body, re.IGNORECASE) is not None
        return PictureError(
            "asset_forbidden", f"The host refuses to hand it out (HTTP {status}).", retryable=page
        )
    return PictureError(
        "asset_unreachable",
        f"The host answered HTTP {status} instead of the picture.",
        retryable=status in _BUSY or status < 400 or status >= 500,
        retry_after=retry_after(headers.get("retry-after"), now),
    )


def retry_after(value: str | None, now: datetime) -> float | None:
    """Read Retry-After (RFC 9110: seconds or a date) as seconds from ``now``; ``None`` if it is neither."""
    if value is None:
        return None
    text = value.strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", text):
        return min(float(text), LONGEST_WAIT.total_seconds())
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    wait = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    return max(0.0, min(wait, LONGEST_WAIT).total_seconds())
