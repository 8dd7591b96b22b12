"""One job: what was asked, each call with its answer, pictures, webhooks, cost, and why it waits."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from api.dashboard.figures.answers import read_answer
from api.dashboard.figures.charts import Span, spans
from api.dashboard.figures.job_summary import moment, summary_of
from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from api.jobs.reader import read_job
from api.jobs.served_models import read_served
from models.errors import NotFound
from models.ids import parse_id, public_id
from models.operations.erased_prompts import START
from models.operations.retention import retention_view, rules_of
from models.queries.dashboard.audit import list_entries
from models.queries.dashboard.job_page import list_job_deliveries
from models.queries.jobs import list_attempts, list_events
from models.queries.operations.ended_jobs import find_retention
from models.serializers import REQUEST_MEMBERS
from models.states import CANCELLABLE, FINAL, RETRYABLE, JobStatus

_MOST_EVENTS = 500
_EDITED = frozenset({"size", "n", "messages"})


async def load(view: PageView) -> Mapping[str, Any]:
    """Return a job with all that happened to it. Raises ``NotFound``."""
    services = view.services
    job_id = parse_id("job", view.request.path_params["job_id"])
    job = await read_job(services, view.caller, job_id, with_estimate=True)
    async with services.database.reading() as connection:
        events = await list_events(connection, job_id, after=0, limit=_MOST_EVENTS)
        attempts = await list_attempts(connection, [job_id])
        deliveries = await list_job_deliveries(connection, job_id)
        audit = await list_entries(connection, limit=20, target=public_id("job", job_id))
        rules = await find_retention(connection, job_id, rules_of(services.settings))
    document = job.content
    keys = {row.number: row.raw_key for row in attempts}
    wanted = view.query.get("answer", "")
    answer = None
    if wanted.isdigit() and int(wanted) in keys:
        answer = await read_answer(services.store, keys[int(wanted)])
    summary = summary_of(document, view.locale.now)
    return {
        "job": document,
        "is_erased": document["prompt"].startswith(START),
        "summary": summary,
        "events": steps(events),
        "messages": {row.number: row.provider_message for row in attempts},
        "kept": {number: key is not None for number, key in keys.items()},
        "bars": timeline(document, view.locale.now),
        "answer": answer,
        "answer_of": int(wanted) if answer is not None else None,
        "submitted": {name: document[name] for name in ("model", "prompt", *REQUEST_MEMBERS)},
        "models": (await read_served(services)).names,
        "repeated": repeated(document),
        "retry_of": retry_of(document),
        "deliveries": deliveries,
        "audit": audit,
        "retention": retention_view(*rules) if rules else None,
        "can_cancel": job.status in CANCELLABLE,
        "can_retry": job.status in RETRYABLE,
        "is_held": job.status is JobStatus.HELD,
        "is_final": job.status in FINAL,
        "public_url": services.public_url,
    }


def repeated(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a retry with edits keeps of a job: a submission without what its form has."""
    members = {
        name: job[name] for name in REQUEST_MEMBERS if name not in _EDITED and job[name] not in (None, [], {})
    }
    own = {name: job[name] for name in ("campaign", "tags") if job[name]}
    return {
        **members,
        **own,
        "priority": job["priority"],
        "metadata": {**job["metadata"], "retry_of": job["id"]},
    }


def retry_of(job: Mapping[str, Any]) -> str | None:
    """Return the id of the job of which a job is a retry with edits."""
    found = job["metadata"].get("retry_of")
    try:
        return public_id("job", parse_id("job", found)) if isinstance(found, str) else None
    except NotFound:
        return None


def steps(events: Sequence[Any]) -> list[Any]:
    """Return the events that say something new: not those that only report progress."""
    found: list[Any] = []
    for event in events:
        if event.detail or not found or event.status != found[-1].status:
            found.append(event)
    return found


def timeline(job: Mapping[str, Any], now: datetime) -> Sequence[Span]:
    """Return the bars of a job's life: waiting, calls, and storing, up to its end or now."""
    end = moment(job["finished_at"]) or now
    at = moment(job["created_at"]) or end
    parts: list[tuple[str, datetime, datetime]] = []
    for call in job["attempts"]:
        start = moment(call["started_at"]) or at
        stop = moment(call["finished_at"]) or end
        if start > at:
            parts.append(("wait", at, start))
        ended = call["finished_at"] is not None
        kind = "call" if call["outcome"] in (None, "success") or not ended else "failed"
        parts.append((kind, start, stop))
        at = max(at, stop)
    if end > at:
        storing = job["attempts"] and job["status"] in ("storing", "succeeded")
        parts.append(("store" if storing else "wait", at, end))
    return spans(parts)


PAGE = Page(
    "/dashboard/jobs/{job_id}",
    "job",
    msgid("Job"),
    load,
    live=frozenset({"jobs", "webhooks"}),
    parent="jobs",
)
