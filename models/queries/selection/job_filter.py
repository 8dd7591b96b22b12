"""Job filter: the conditions by which lists, bulk requests and streams choose jobs, in SQL and on rows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    CompoundSelect,
    Subquery,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    text,
    union_all,
)

from models.checks.findings import COLUMNS, Check
from models.tables import action_items, assets, campaign_items, channels, job_action_jobs, jobs

PARTS_ONLY = "midjourney"
"""Surface whose jobs are parts of tasks: a filter matches them only if it names this surface."""

SEARCHED = 100_000  #: newest jobs of all callers in whose prompts a text is looked for
WITHOUT_VERDICT = "none"  #: value of ``verdict`` for takes without one


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFilter:
    """Filter of jobs. ``None`` means any; for ``surface``, any but ``PARTS_ONLY``.

    ``before`` and ``after`` are bounds of the creation, by job id or time, and exclude the bound itself.
    ``*_after`` include their bound and ``*_before`` exclude it, so that periods join without overlap.
    """

    ids: Sequence[UUID] | None = None
    statuses: Sequence[str] = ()
    model: str | None = None
    campaign: str | None = None
    tag: str | None = None
    surface: str | None = None
    error_code: str | None = None
    channel: str | None = None  #: of the present or last call
    worker: UUID | None = None  #: that has the job in hand
    text: str | None = None  #: a part of the prompt, in any case, of the ``SEARCHED`` newest jobs
    created_after: datetime | None = None
    created_before: datetime | None = None
    finished_after: datetime | None = None
    finished_before: datetime | None = None
    before: UUID | datetime | None = None
    after: UUID | datetime | None = None
    action: UUID | None = None  #: jobs that a bulk action was begun for, or takes that it made
    verdict: str | None = None  #: of takes of a campaign: ``pick``, ``reject``, or ``none``, not judged
    check: Check | None = None  #: found in a picture of the present generation
    with_parts: bool = False  #: without a surface, match those of ``PARTS_ONLY`` too

    def described(self) -> dict[str, Any]:
        """Return the conditions that are set as JSON, ids as their number."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        given["ids"] = None if self.ids is None else len(self.ids)
        return {name: _plain(value) for name, value in given.items() if value not in (None, (), False)}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple) else value if isinstance(value, int) else str(value)


def conditions(
    wanted: JobFilter, *, sqlite: bool, without: Collection[str] = ()
) -> list[ColumnElement[bool]]:
    """Return the conditions on ``jobs``, without those on columns that the query compares itself."""
    found: list[ColumnElement[bool]] = []
    if wanted.surface is not None:
        found.append(jobs.c.surface == wanted.surface)
    elif not wanted.with_parts:
        found.append(jobs.c.surface != PARTS_ONLY)
    if wanted.ids is not None:
        found.append(jobs.c.id.in_(wanted.ids))
    if wanted.action is not None:
        found.append(jobs.c.id.in_(_of_action(wanted.action)))
    if wanted.verdict is not None:
        found.append(_has_verdict(None if wanted.verdict == WITHOUT_VERDICT else wanted.verdict))
    if wanted.check is not None:
        found.append(_has_finding(wanted.check))
    if wanted.statuses and "status" not in without:
        found.append(jobs.c.status.in_(wanted.statuses))
    for column, value in ((jobs.c.model, wanted.model), (jobs.c.campaign, wanted.campaign)):
        if value is not None and column.name not in without:
            found.append(column == value)
    if wanted.tag is not None:
        found.append(_has_tag(wanted.tag, sqlite=sqlite))
    if wanted.error_code is not None:
        found.append(_error_code(sqlite=sqlite) == wanted.error_code)
    if wanted.channel is not None:
        named = select(channels.c.id).where(channels.c.name == wanted.channel).scalar_subquery()
        found.append(jobs.c.channel_id == named)
    if wanted.worker is not None:
        found.append(jobs.c.worker_id == wanted.worker)
    if wanted.text is not None:
        found += [jobs.c.prompt.icontains(wanted.text, autoescape=True), _is_searched()]
    return [*found, *_times(wanted)]


def _of_action(action: UUID) -> CompoundSelect[Any]:
    """Return the jobs that a bulk action was begun for, and the takes that one on items has made."""
    frozen = select(job_action_jobs.c.job_id).where(job_action_jobs.c.action_id == action)
    made, here = jobs.alias("take_of_action"), action_items.c
    of_item = and_(made.c.item_id == here.item_id, made.c.take == here.take)
    takes = select(made.c.id).join(action_items, of_item).where(here.action_id == action)
    return union_all(frozen, takes)


def marked_jobs(wanted: JobFilter, caller_ids: Collection[UUID] | None) -> Subquery | None:
    """Select ids of the jobs with the finding or the verdict of a filter, newest first.

    By an index of these alone, from which a list of them begins, however rare they are. ``None``: the filter
    has no such condition, or another one that leads to fewer jobs. ``caller_ids``: ``None`` for all callers.
    """
    if wanted.campaign is not None or wanted.ids is not None or wanted.action is not None:
        return None
    if wanted.check is not None:
        here = select(assets.c.job_id).where(_is_found(wanted.check))
        if caller_ids is not None:
            here = here.where(assets.c.caller_id.in_(caller_ids))
        column, here = assets.c.job_id, here.distinct()
    elif wanted.verdict not in (None, WITHOUT_VERDICT):
        column = campaign_items.c.job_id
        here = select(column).where(campaign_items.c.verdict == wanted.verdict)
    else:
        return None
    bounds = [each for each in (wanted.before, wanted.after) if isinstance(each, UUID)]
    for bound in bounds:
        here = here.where(column < bound if bound == wanted.before else column > bound)
    return here.where(column.is_not(None)).order_by(column.desc()).subquery("marked")


def _is_searched() -> ColumnElement[bool]:
    """Return whether a job is one of the newest, whose prompts are looked through."""
    every = jobs.alias("every_job")
    first = select(every.c.id).order_by(every.c.id.desc()).offset(SEARCHED).limit(1).scalar_subquery()
    return jobs.c.id > func.coalesce(first, literal(UUID(int=0), jobs.c.id.type))


def _has_verdict(verdict: str | None) -> ColumnElement[bool]:
    """Return whether a job is the newest take of an item with this verdict; ``None``: without any."""
    here = campaign_items.c
    query = select(literal(1)).where(here.job_id == jobs.c.id, here.id == jobs.c.item_id)
    return query.where(here.verdict.is_(None) if verdict is None else here.verdict == verdict).exists()


def _has_finding(check: Check) -> ColumnElement[bool]:
    present = or_(assets.c.generation.is_(None), assets.c.generation == jobs.c.generation)
    query = select(literal(1)).where(assets.c.job_id == jobs.c.id, present, _is_found(check))
    return query.correlate(jobs).exists()  # a query around it may select assets too


def _is_found(check: Check) -> ColumnElement[bool]:
    """Return the condition of a partial index of ``assets``."""
    column = assets.c[COLUMNS[check]]
    return column if isinstance(column.type, Boolean) else column.is_not(None)


def _has_tag(tag: str, *, sqlite: bool) -> ColumnElement[bool]:
    if not sqlite:
        tagged = text("jobs.tags <> '[]'")  # the condition of the index
        return and_(jobs.c.tags.op("@>")(func.jsonb_build_array(tag)), tagged)
    each = func.json_each(case((func.json_valid(jobs.c.tags) == 1, jobs.c.tags))).table_valued("value")
    return select(literal(1)).select_from(each).where(each.c.value == tag).exists()


def _error_code(*, sqlite: bool) -> ColumnElement[Any]:
    if not sqlite:
        code: ColumnElement[Any] = jobs.c.error["code"].as_string()
        return code
    valid = case((func.json_valid(jobs.c.error) == 1, jobs.c.error))
    return cast(func.json_extract(valid, "$.code"), Text)


def _times(wanted: JobFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    for column, least, below in (
        (jobs.c.created_at, wanted.created_after, wanted.created_before),
        (jobs.c.finished_at, wanted.finished_after, wanted.finished_before),
    ):
        found += [] if least is None else [column >= least]
        found += [] if below is None else [column < below]
    if wanted.before is not None:
        found.append(_bound_column(wanted.before) < wanted.before)
    if wanted.after is not None:
        found.append(_bound_column(wanted.after) > wanted.after)
    return found


def _bound_column(bound: UUID | datetime) -> ColumnElement[Any]:
    return jobs.c.created_at if isinstance(bound, datetime) else jobs.c.id
