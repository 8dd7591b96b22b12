"""Overview: what is happening, what is stuck, what to press."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

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
from api.overview.calls import CALLS_FRESH, Calls, read_calls
from api.overview.counts import COUNTS_FRESH, read_counts
from models.queries.dashboard.figures import BUCKET
from models.queries.selection.job_filter import JobFilter
from models.states import JobStatus

_SHOWN, _NEWEST = 5, 6  # rows of each list


@dataclass(frozen=True, slots=True)
class Figures:
    """Lines of the last 24 hours."""

    calls: Sparkline
    done: Sparkline
    failed_share: Sparkline
    spend: Mapping[str, Sparkline]  #: by currency


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


def draw_figures(found: Calls) -> Figures:
    """Return the figures of calls."""
    calls, done, failed = (defaultdict[datetime, float](float) for _ in range(3))
    spend: dict[str, defaultdict[datetime, float]] = {}
    for each in found.buckets:
        calls[each.start] += each.calls
        done[each.start] += each.succeeded
        failed[each.start] += each.failed
        if each.currency is not None:
            spend.setdefault(each.currency, defaultdict(float))[each.start] += each.cost_micro
    share = {start: failed[start] / ended for start in calls if (ended := done[start] + failed[start])}
    return Figures(
        calls=sparkline(series(calls, found.at)),
        done=sparkline(series(done, found.at)),
        failed_share=sparkline(series(share, found.at)),
        spend={currency: sparkline(series(values, found.at)) for currency, values in spend.items()},
    )


async def load(view: PageView) -> Mapping[str, Any]:
    """Return what the overview shows."""
    services, caller = view.services, view.caller
    counts = await shared(view, COUNTS_FRESH, read_counts)
    lists = [(JobFilter(statuses=(JobStatus.HELD.value,)), _SHOWN), (JobFilter(), _NEWEST)]
    if counts.stuck:
        lists.append((JobFilter(ids=counts.stuck, with_parts=True), _SHOWN))
    held, newest, *waiting = await read_job_lists(services, caller, lists)
    channels: list[dict[str, Any]] = []
    if caller.role.sees_all:
        async with services.database.reading() as connection:
            channels = await read_channel_views(connection, services.clock())
    served = await read_served(services)
    calls = await shared(view, CALLS_FRESH, read_calls)
    figures = draw_figures(calls)
    return {
        "counts": counts,
        "calls_of_day": calls,
        "figures": figures,
        "series": series_rows(figures, services.clock()),
        "alerts": await read_alerts(view),
        "held": [job.content for job in held],
        "waiting": [job.content for jobs in waiting for job in jobs if job.content["status"] == "queued"],
        "channels": [each for each in channels if each["configured"]],
        "groups": (await shared(view, CALLS_FRESH, read_groups))[:_SHOWN],
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
