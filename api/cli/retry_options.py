"""Options --retry, --expires-in, --until, --for, --metadata, --param: rules, times, names with values."""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from math import isfinite
from typing import Annotated, Any, TypedDict

from cyclopts import Parameter

from api.cli.exit_codes import CommandFailed, Exit
from models.integrity.field_errors import one_line

Rules = Annotated[
    tuple[str, ...],
    Parameter(
        name="--retry",
        negative="",
        help="CLASS.MEMBER=VALUE, such as no_image.attempts=3; members: attempts, base, cap, jitter, counts; "
        "repeatable",
    ),
]
Until = Annotated[
    datetime | None,
    Parameter(
        help="when it ends by itself, such as 2026-01-31T18:00:00 (local time, unless it has an offset)"
    ),
]
Duration = Annotated[
    str | None, Parameter(name="--for", help="how long until it ends by itself, such as 10m or 8h")
]
Pairs = Annotated[tuple[str, ...], Parameter(negative="")]


class PauseEnd(TypedDict):
    """Arguments of the client's calls that pause something."""

    until: datetime | None
    duration: float | None


_RULE = re.compile(r"([a-z_]+)(?:\.([a-z_]+))?=(.+)", re.ASCII)
_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)", re.ASCII)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


def rules_of(typed: Sequence[str]) -> dict[str, Any]:
    """Return rules as the API takes them. ``none`` is null: it removes a setting."""
    rules: dict[str, Any] = {}
    for text in typed:
        found = _RULE.fullmatch(text)
        if found is None or (found[2] is None and found[3] != "none"):
            raise CommandFailed(Exit.USAGE, f"--retry {text}: write CLASS.MEMBER=VALUE, or CLASS=none.")
        if found[2] is None:
            rules[found[1]] = None
        else:
            rules[found[1]] = (rules.get(found[1]) or {}) | {found[2]: _value(found[3])}
    return rules


def pairs_of(option: str, typed: Sequence[str]) -> dict[str, Any]:
    """Return names with their values: JSON as such, other texts as they are. Raises ``CommandFailed``."""
    pairs: dict[str, Any] = {}
    for text in typed:
        name, sign, value = text.partition("=")
        if not name or not sign:
            raise CommandFailed(Exit.USAGE, f"{option} {text}: write NAME=VALUE, such as shoot=spring.")
        pairs[name] = _json_or_text(value)
    return pairs


def seconds_of(option: str, typed: str) -> float:
    """Return the seconds of ``90``, ``90s``, ``15m``, ``8h`` or ``2d``."""
    found = _SPAN.fullmatch(typed)
    if found is None or not isfinite(seconds := float(found[1]) * _UNITS[found[2]]):
        raise CommandFailed(
            Exit.USAGE, f"{option} {one_line(typed)}: write a time span such as 90s, 15m, 8h or 2d."
        )
    return seconds


def pause_end(until: datetime | None, duration: str | None) -> PauseEnd:
    """Return when a pause ends, as the client takes it: at a time, or after a time span."""
    end = until.astimezone() if until and until.tzinfo is None else until
    return {"until": end, "duration": None if duration is None else seconds_of("--for", duration)}


def _value(text: str) -> Any:
    return None if text == "none" else _json_or_text(text)


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # also more digits than Python reads
        return text
