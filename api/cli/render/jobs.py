"""Jobs as people read them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from api.cli.futures import future_facts
from api.cli.output import shortened, status_text
from api.client import Job
from models.clock import now

JOB_COLUMNS = ("ID", "STATUS", "AGE", "MODEL", "PROMPT", "DETAIL")


def job_cells(job: Job) -> tuple[Any, ...]:
    """Return one job as a row of a table."""
    return (
        job["id"],
        status_text(job["status"]),
        age(job["created_at"], now()),
        job["model"],
        shortened(job["prompt"], 40),
        job_detail(job),
    )


def job_detail(job: Job) -> str:
    """Say in a few words what is to be known about a job beside its status."""
    if error := job.get("error"):
        return shortened(f"{error.get('code')}: {error.get('message')}", 60)
    if waiting := job.get("waiting"):
        return shortened(str(waiting.get("detail") or waiting.get("reason")), 60)
    if job["status"] in ("running", "storing"):
        return f"{job['progress']} %"
    count = len(job.get("assets") or ())
    return f"{count} picture{'s' if count != 1 else ''}" if count else ""


def job_view(job: Job) -> Group:
    """Return all of one job: facts, attempts, pictures."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    for name, value in _facts(job):
        facts.add_row(name, value if isinstance(value, Text) else Text(str(value)))
    return Group(facts)


def _facts(job: Job) -> list[tuple[str, Any]]:
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


def _outcome(job: Job) -> list[tuple[str, Any]]:
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
    facts += list(future_facts(job))
    if error := job.get("error"):
        facts.append(("error", f"{error.get('code')}: {error.get('message')}"))
        if said := error.get("provider_message"):
            facts.append(("provider", shortened(str(said), 400)))
    facts += [("picture", _asset(asset)) for asset in job.get("assets") or ()]
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


def shown_time(moment: str | None) -> str:
    """Return a time of the API without its fractions of a second."""
    return moment.replace("T", " ")[:19] + "Z" if moment else ""


def age(moment: str, at: datetime) -> str:
    """Return how long ago a time of the API was, in its largest unit: 40s, 12m, 5h, 3d."""
    seconds = max(0, int((at - datetime.fromisoformat(moment)).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
