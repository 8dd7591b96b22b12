"""Jobs, queue positions and ETAs as tables and text."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from api.cli.output import shortened, status_text
from api.cli.render.times import age, duration, shown_time
from darkroom_client.documents import Document
from models.clock import now

JOB_COLUMNS = ("ID", "STATUS", "AGE", "MODEL", "PROMPT", "DETAIL")
OPTIONAL_COLUMNS = ("CALLER", "MODEL")  #: left out of a table where there is no room for them
_FACTORS = {
    "rate_limit": "the rate limit",
    "concurrency": "the concurrency limit",
    "worker_slots": "the slots of the workers",
    "cooldown": "a channel's cool-down",
    "backoff": "the wait after a failed call",
    "not_before": "its not_before",
    "fair_share": "fair queueing",
    "call": "the call itself",
}


Cells = Callable[[Document], Sequence[Any]]


def with_callers(
    columns: Sequence[str], jobs: Iterator[Document], cells: Cells
) -> tuple[Sequence[str], Iterator[tuple[Mapping[str, Any], Sequence[Any]]]]:
    """Return the columns and rows of jobs; behind the id whose jobs they are, if an admin's key shows it."""
    first = next(jobs, None)
    found = jobs if first is None else chain([first], jobs)
    if first is None or first.get("caller") is None:
        return columns, ((job, cells(job)) for job in found)

    def owned(job: Document) -> Sequence[Any]:
        identity, *others = cells(job)
        return identity, (job.get("caller") or {}).get("name", ""), *others

    return (columns[0], "CALLER", *columns[1:]), ((job, owned(job)) for job in found)


def estimate_facts(job: Document) -> Iterator[tuple[str, str]]:
    """Yield a job's queue position and ETA, if known."""
    if place := job.get("queue_position"):
        at_least = "at least " if job.get("queue_position_capped") else ""
        yield "place", f"starts as number {at_least}{place:,}"
    if words := eta_words(job.get("eta")):
        yield "done", words


def eta_words(eta: Document | None) -> str:
    """Return an ETA as text: in about 4 min, in 9 of 10 cases within 11 min; the limiting factor."""
    if not eta or eta.get("p50") is None:
        return ""
    factor = _FACTORS.get(str(eta.get("limiting_factor")), str(eta.get("limiting_factor")))
    first, late = (duration(max(round(eta[percentile]), 1)) for percentile in ("p50", "p90"))
    return f"in about {first}, in 9 of 10 cases within {late}; {factor} takes longest"


def estimate_view(found: Document) -> str:
    """Return what is left of a set of jobs, as text."""
    left = {status: count for status, count in found["remaining"].items() if count}
    if not left:
        return "Nothing is left to do."
    at_least = "at least " if found.get("queued_capped") else ""
    counts = ", ".join(
        f"{at_least if status == 'queued' else ''}{count:,} {status.replace('_', ' ')}"
        for status, count in left.items()
    )
    words = eta_words(found.get("eta"))
    if not words:
        eta = found.get("eta") or {}
        known = _FACTORS.get(str(eta.get("limiting_factor")), str(eta.get("limiting_factor")))
        words = f"unknown yet ({known})" if eta else "they wait for a person's decision"
    return f"{counts}; {found['calls_last_minute']:,} calls in the last minute\ndone: {words}"


def job_cells(job: Document) -> tuple[Any, ...]:
    """Return one job as a row of a table."""
    return (
        job["id"],
        status_text(job["status"]),
        age(job["created_at"], now()),
        job["model"],
        shortened(job["prompt"], 40),
        job_detail(job),
    )


def job_detail(job: Document) -> str:
    """Return a short text that explains a job's status."""
    if error := job.get("error"):
        return shortened(f"{error.get('code')}: {error.get('message')}", 60)
    if waiting := job.get("waiting"):
        return shortened(str(waiting.get("detail") or waiting.get("reason")), 60)
    if job["status"] in ("running", "storing"):
        return f"{job['progress']} %"
    count = len(job.get("assets") or ())
    return f"{count} image{'s' if count != 1 else ''}" if count else ""


def job_line(job: Document) -> str:
    """Return one job as a line."""
    return f"{job['id']}  {job['status']}  {job_detail(job)}".rstrip()


def retention_lines(found: Document) -> str:
    """Return when what belongs to a job is deleted, a line for each kind that is."""
    if found.get("keep"):
        return f"{found['job']}  kept"
    kinds = [each for each in found.get("kinds") or () if each["seconds"] is not None]
    if not kinds:
        return f"{found['job']}  no rule deletes it"
    return "\n".join([found["job"], *map(_deletion, kinds)])


def _deletion(each: Document) -> str:
    when = each["due_at"] or f"{duration(each['seconds'])} after its end"
    return f"  {each['kind']}: {when} ({each['rule']})"


def job_view(job: Document) -> Group:
    """Return one job as a list of facts, with attempts and images."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    for name, value in _facts(job):
        facts.add_row(name, value if isinstance(value, Text) else Text(str(value)))
    return Group(facts)


def _facts(job: Document) -> list[tuple[str, Any]]:
    facts: list[tuple[str, Any]] = [
        ("id", job["id"]),
        ("status", status_text(job["status"])),
        ("model", job["model"]),
        ("prompt", shortened(job["prompt"], 400)),
    ]
    facts += [
        (name, shown_time(value))
        for name, value in (
            ("created", job["created_at"]),
            ("started", job.get("started_at")),
            ("finished", job.get("finished_at")),
            ("expires", job.get("expires_at") if job["status"] == "queued" else None),
        )
        if value
    ]
    if job["status"] in ("running", "storing"):
        facts.append(("progress", f"{job['progress']} %"))
    facts += [("attempt", _attempt(attempt)) for attempt in job.get("attempts") or ()]
    facts += _outcome(job)
    return facts


def _outcome(job: Document) -> list[tuple[str, Any]]:
    facts: list[tuple[str, Any]] = []
    if waiting := job.get("waiting"):
        until = waiting.get("next_eligible_at")
        facts.append(
            (
                "waiting",
                str(waiting.get("detail") or waiting.get("reason")).rstrip(".")
                + (f", until {shown_time(until)}" if until else ""),
            )
        )
    facts += list(estimate_facts(job))
    if error := job.get("error"):
        facts.append(("error", f"{error.get('code')}: {error.get('message')}"))
        if message := error.get("provider_message"):
            facts.append(("provider", shortened(str(message), 400)))
    facts += [("image", _asset(asset)) for asset in job.get("assets") or ()]
    if text := job.get("text"):
        facts.append(("text", shortened(text, 400)))
    return facts


def _attempt(attempt: Mapping[str, Any]) -> str:
    parts = [f"{attempt.get('number')} on {attempt.get('channel')}", attempt.get("outcome") or "running"]
    parts += [f"{attempt['error_code']}"] if attempt.get("error_code") else []
    parts += [f"HTTP {attempt['http_status']}"] if attempt.get("http_status") else []
    parts.append(f"billed: {attempt.get('billed')}")
    return ", ".join(parts)


def _asset(asset: Mapping[str, Any]) -> str:
    sides = f"  {asset['width']}x{asset['height']}" if asset.get("width") else ""
    return f"{asset['url']}{sides}  {asset['bytes']:,} bytes"
