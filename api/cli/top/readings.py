"""What ``darkroom top`` shows: one reading of the API, and the acts that its upper-case keys send."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from darkroom_client import ApiError, Darkroom

FILTERS = ("", "queued", "leased,running,storing", "held", "failed", "succeeded")
"""Statuses of the jobs that are shown, one after the other."""
_ROWS = 100
_FORBIDDEN = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: its id, and its cells as plain text."""

    id: str
    cells: Sequence[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """The tables of one moment; ``notes``: what could not be read."""

    tables: Mapping[str, Sequence[Row]]
    at: datetime
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Act:
    """What an upper-case key does with the selected row: a call of the API."""

    label: str
    path: str  #: with ``{id}``
    body: Mapping[str, Any] = field(default_factory=dict)


COLUMNS: Mapping[str, Sequence[str]] = {
    "jobs": ("STATUS", "PROMPT", "MODEL", "CALLS", "AGE", "ERROR"),
    "channels": ("CHANNEL", "STATE", "IN FLIGHT", "PER MINUTE", "WHY"),
    "workers": ("WORKER", "STATE", "BUSY", "VERSION", "HEARTBEAT"),
    "errors": ("24 H", "ERROR", "CHANNEL", "MODEL", "LAST", "STATE"),
}
ACTS: Mapping[str, Mapping[str, Act]] = {
    "jobs": {
        "R": Act("Retry", "/v1/jobs/{id}/retry"),
        "X": Act("Cancel", "/v1/jobs/{id}/cancel"),
        "F": Act("Fail", "/v1/jobs/{id}/fail", {"reason": "failed in the terminal"}),
    },
    "channels": {
        "P": Act("Pause", "/v1/channels/{id}/pause"),
        "D": Act("Drain", "/v1/channels/{id}/drain"),
        "U": Act("Resume", "/v1/channels/{id}/resume"),
    },
    "workers": {},
    "errors": {
        "S": Act("Resolve", "/v1/errors/{id}/resolve"),
        "I": Act("Ignore", "/v1/errors/{id}/ignore"),
        "O": Act("Reopen", "/v1/errors/{id}/reopen"),
    },
}
"""Upper-case keys by table."""


def read(client: Darkroom, status: str) -> Reading:
    """Return what the API says now. Raises the client's errors; what the key may not see is noted."""
    notes: list[str] = []
    at = datetime.now(UTC)
    query = {"limit": _ROWS, **({"status": status} if status else {})}
    jobs = client.request("GET", "/v1/jobs", query=query)["data"]
    tables = {
        "jobs": [_job(job, at) for job in jobs],
        "channels": [_channel(each) for each in _readable(client, "/v1/channels", notes)],
        "workers": [_worker(each, at) for each in _readable(client, "/v1/workers", notes)],
        "errors": [_error(each, at) for each in _readable(client, "/v1/errors", notes)],
    }
    return Reading(tables, at, notes)


def act(client: Darkroom, chosen: Act, row: str) -> str:
    """Send the call of an act; return what became of it, in a few words."""
    try:
        client.request("POST", chosen.path.replace("{id}", row), body=dict(chosen.body) or None)
    except ApiError as error:
        return str(error)
    return f"{chosen.label}: done."


def _readable(client: Darkroom, path: str, notes: list[str]) -> Sequence[Mapping[str, Any]]:
    try:
        found: Sequence[Mapping[str, Any]] = client.request("GET", path)["data"]
    except ApiError as error:
        if error.status not in _FORBIDDEN:
            raise
        notes.append(f"{path.rpartition('/')[2]}: {error}")
        return ()
    return found


def _job(job: Mapping[str, Any], at: datetime) -> Row:
    error = (job["error"] or {}).get("code", "")
    cells = (job["status"], _line(job["prompt"], 60), _line(job["model"], 20), str(len(job["attempts"])))
    return Row(job["id"], (*cells, age(job["created_at"], at), error))


def _channel(each: Mapping[str, Any]) -> Row:
    most = each["learned_concurrency"] or each["concurrency"]
    rate = f"{each['rate_now']:g}" + (f" / {each['rpm']:g}" if each["rpm"] else "")
    return Row(
        each["name"],
        (each["name"], each["state"], f"{each['in_flight']} / {most}", rate, _line(each["detail"], 60)),
    )


def _worker(each: Mapping[str, Any], at: datetime) -> Row:
    busy = f"{each['busy']} / {each['slots']}"
    return Row(
        each["id"], (each["name"], each["state"], busy, each["version"], age(each["heartbeat_at"], at))
    )


def _error(each: Mapping[str, Any], at: datetime) -> Row:
    return Row(
        each["fingerprint"],
        (
            str(each["counts"]["24h"]),
            _line(f"{each['code']} {each['words']}", 60),
            each["channel"],
            _line(each["model"], 20),
            age(each["last"], at),
            each["state"],
        ),
    )


def age(text: str | None, at: datetime) -> str:
    """Return how long ago a time is, in one unit."""
    if text is None:
        return "-"
    seconds = max((at - datetime.fromisoformat(text)).total_seconds(), 0)
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _line(text: str | None, length: int) -> str:
    """Return the beginning of a text in one line, without control characters."""
    shown = " ".join("".join(each if each.isprintable() else " " for each in text or "").split())
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"
