"""Overview: what is happening, what is stuck, what to press."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from api.channel_status import read_channel_views
from api.dashboard.figures.breakages import is_practice, make_breakages
from api.dashboard.figures.charts import Sparkline, series, sparkline
from api.dashboard.figures.notices import read_alerts, read_notices
from api.dashboard.figures.shared import shared
from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from api.jobs.reader import read_job_lists
from api.jobs.selection.failures import read_groups
from api.jobs.served_models import read_served
from api.services import ApiServices
from models.queries.dashboard.figures import (
    BUCKET,
    OPEN_STATUSES,
    CallBucket,
    FirstSteps,
    count_statuses,
    first_steps,
    list_buckets,
    oldest_due,
)
from models.queries.selection.job_filter import JobFilter
from models.queries.workers import list_workers
from models.states import JobStatus

_DAY = timedelta(days=1)
_STUCK_AFTER = timedelta(minutes=2)
_SHOWN, _NEWEST = 5, 6  # rows of each list
_FIGURES_FRESH, _COUNTS_FRESH = 10.0, 1.0  # seconds
_IN_FLIGHT = (JobStatus.LEASED, JobStatus.RUNNING, JobStatus.STORING)


@dataclass(frozen=True, slots=True)
class Figures:
    """Calls of the last 24 hours, and what they have cost since midnight UTC."""

    calls: Sparkline
    done: Sparkline
    failed_share: Sparkline
    spend: Mapping[str, Sparkline]  #: by currency
    per_minute: float  #: successes per minute in the last half hour
    share: float | None  #: of calls of 24 hours that failed
    failed: int
    ended: int
    spent_today: Mapping[str, int]  #: millionths by currency


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """Half an hour of the figures, as a row of a table."""

    start: datetime
    calls: float
    done: float
    share: float | None  #: of calls that failed
    spend: Sequence[int]  #: millionths by currency, in the order of ``Figures.spend``


def series_rows(figures: Figures, now: datetime) -> list[SeriesRow]:
    """Return the figures by half an hour, newest first; those in which nothing happened are left out."""
    last = datetime.fromtimestamp(now.timestamp() // BUCKET * BUCKET, UTC)
    count, rows = len(figures.calls.values), list[SeriesRow]()
    for at in reversed(range(count)):
        calls, done = figures.calls.values[at], figures.done.values[at]
        spend = [round(line.values[at]) for line in figures.spend.values()]
        if calls or done or any(spend):
            start = last - timedelta(seconds=BUCKET * (count - 1 - at))
            rows.append(SeriesRow(start, calls, done, figures.failed_share.values[at], spend))
    return rows


@dataclass(frozen=True, slots=True)
class Counts:
    """Open jobs now, the oldest that could start, and the workers' slots."""

    open: Mapping[str, int]
    oldest: datetime | None
    stuck: Sequence[UUID]  #: of the oldest those that have waited for long
    slots: int
    workers: int
    steps: FirstSteps

    @property
    def in_flight(self) -> int:
        """Jobs that workers have in hand."""
        return sum(self.open[status.value] for status in _IN_FLIGHT)


async def read_figures(services: ApiServices, scope: UUID | None) -> Figures:
    """Return the figures of a caller, or of all."""
    now = services.clock()
    async with services.database.reading() as connection:
        buckets = await list_buckets(connection, now - _DAY, caller_id=scope)
    return summarize(buckets, now)


def summarize(buckets: Sequence[CallBucket], now: datetime) -> Figures:
    """Return the figures of buckets of 24 hours."""
    calls, done, failed = (defaultdict[datetime, float](float) for _ in range(3))
    spend: dict[str, defaultdict[datetime, float]] = {}
    today: dict[str, int] = {}
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for each in buckets:
        calls[each.start] += each.calls
        done[each.start] += each.succeeded
        failed[each.start] += each.failed
        if each.currency is not None:
            spend.setdefault(each.currency, defaultdict(float))[each.start] += each.cost_micro
            if each.start >= midnight:
                today[each.currency] = today.get(each.currency, 0) + each.cost_micro
    share = {start: failed[start] / ended for start in calls if (ended := done[start] + failed[start])}
    ended = int(sum(done.values()) + sum(failed.values()))
    recent = series(done, now)[-2:]
    into = now.timestamp() % BUCKET  # seconds of the present bucket that have passed
    minutes = (BUCKET + into) / 60
    return Figures(
        calls=sparkline(series(calls, now)),
        done=sparkline(series(done, now)),
        failed_share=sparkline(series(share, now)),
        spend={currency: sparkline(series(values, now)) for currency, values in spend.items()},
        per_minute=sum(recent) / minutes,
        share=sum(failed.values()) / ended if ended else None,
        failed=int(sum(failed.values())),
        ended=ended,
        spent_today=today,
    )


async def read_counts(services: ApiServices, scope: UUID | None) -> Counts:
    """Return the counts of a caller, or of all."""
    now = services.clock()
    async with services.database.reading() as connection:
        open_jobs = await count_statuses(connection, OPEN_STATUSES, caller_id=scope)
        oldest = await oldest_due(connection, now, caller_id=scope, limit=_SHOWN)
        workers = await list_workers(connection)
        steps = await first_steps(connection, caller_id=scope)
    since = now - timedelta(seconds=services.settings.worker_timeout)
    alive = [row for row in workers if row.heartbeat_at > since and row.stopping_at is None]
    return Counts(
        open=open_jobs,
        oldest=oldest[0].created_at if oldest else None,
        stuck=[row.id for row in oldest if now - row.created_at > _STUCK_AFTER],
        slots=sum(row.slots for row in alive),
        workers=len(alive),
        steps=steps,
    )


async def load(view: PageView) -> Mapping[str, Any]:
    """Return what the overview shows."""
    services, caller = view.services, view.caller
    counts = await shared(view, _COUNTS_FRESH, read_counts)
    lists = [(JobFilter(statuses=(JobStatus.HELD.value,)), _SHOWN), (JobFilter(), _NEWEST)]
    if counts.stuck:
        lists.append((JobFilter(ids=counts.stuck, with_parts=True), _SHOWN))
    held, newest, *waiting = await read_job_lists(services, caller, lists)
    channels: list[dict[str, Any]] = []
    if caller.role.sees_all:
        async with services.database.reading() as connection:
            channels = await read_channel_views(connection, services.clock())
    served = await read_served(services)
    figures = await shared(view, _FIGURES_FRESH, read_figures)
    return {
        "counts": counts,
        "figures": figures,
        "series": series_rows(figures, services.clock()),
        "alerts": await read_alerts(view),
        "held": [job.content for job in held],
        "waiting": [job.content for jobs in waiting for job in jobs if job.content["status"] == "queued"],
        "channels": [each for each in channels if each["configured"]],
        "groups": (await shared(view, _FIGURES_FRESH, read_groups))[:_SHOWN],
        "notices": await read_notices(view, counts.workers, channels, counts.open["queued"]),
        "models": list(served.names),
        "newest": [job.content for job in newest],
        "public_url": services.public_url,
        "breakages": make_breakages(view.locale.now) if is_practice(view) else (),
    }


PAGE = Page(
    "/dashboard",
    "overview",
    msgid("Overview"),
    load,
    live=frozenset({"jobs", "channels", "workers", "campaigns"}),
    group="work",
    icon="overview",
)
