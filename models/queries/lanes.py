"""Lanes: the queued jobs of one model, one caller and one priority. The dispatcher picks from their heads.

Whatever waits, a round looks at a bounded number of rows: it jumps from lane to lane along the index, within
a lane from campaign to campaign beginning at the one that was served last, and takes some jobs from each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Integer,
    Select,
    Uuid,
    bindparam,
    literal_column,
    select,
    text,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from models.columns import Json, Utc
from models.queries.rows import rows_parameter
from models.tables import jobs

_QUEUED: ColumnElement[str] = literal_column(
    "'queued'"
)  # literal: a parameter would hide the partial index from the planner
Line = tuple[str, int]  #: a campaign and a priority of one caller


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane."""

    model: str
    caller_id: UUID
    priority: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A due job at the head of its lane. ``avoid`` is the channel whose call failed last."""

    job_id: UUID
    caller_id: UUID
    model: str
    priority: int
    campaign: str
    due_at: datetime
    pictures: int = 1
    avoid: UUID | None = None

    @property
    def line(self) -> Line:
        """What it stands in, within its caller's jobs."""
        return self.campaign, self.priority


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many jobs of a lane, from its campaigns in turn, beginning at the campaign ``first``."""

    lane: Lane
    count: int
    first: str = ""


async def list_lanes(connection: AsyncConnection) -> list[Lane]:
    """Return every lane that has queued jobs, by jumping from lane to lane along the index."""
    return [Lane(*row) for row in await connection.execute(_lanes())]


async def pick_due(connection: AsyncConnection, wanted: Sequence[Wanted], at: datetime) -> list[Candidate]:
    """Take due jobs from the heads of the lanes, their campaigns in turn, skipping what others hold."""
    campaigns: dict[Lane, dict[str, None]] = {each.lane: {} for each in wanted}
    for lane, campaign in await _campaigns(connection, wanted, at):
        campaigns[lane][campaign] = None
    begin_anew = [
        replace(each, first="")
        for each in wanted
        if each.first and len(campaigns[each.lane].keys() - {each.first}) < each.count
    ]
    for lane, campaign in await _campaigns(connection, begin_anew, at) if begin_anew else ():
        campaigns[lane][campaign] = None
    heads = [
        (each.lane, campaign, -(-each.count // min(len(found), each.count)))
        for each in wanted
        if (found := campaigns[each.lane])
        for campaign in list(found)[: each.count + 1]
    ]
    return await _heads(connection, heads, at)


async def list_due(connection: AsyncConnection, lanes: Sequence[Lane], at: datetime) -> list[Lane]:
    """Return those of the lanes in which a job is due."""
    found = await _campaigns(connection, [Wanted(lane, 0) for lane in lanes], at)
    return [lane for lane, _ in found]


async def _campaigns(
    connection: AsyncConnection, wanted: Sequence[Wanted], at: datetime
) -> list[tuple[Lane, str]]:
    """Return the next campaigns of each lane with a job that is due, in the index's order.

    They are one more than the jobs wanted. Campaigns whose jobs all have to wait cost a look each.
    """
    rows = [{**_of(each.lane), "first": each.first, "count": each.count + 1} for each in wanted]
    if connection.dialect.name == "postgresql":
        found = await connection.execute(_CAMPAIGNS, {**rows_parameter(connection, rows), "at": at})
        return [
            (Lane(model, caller_id, priority), campaign) for model, caller_id, priority, campaign in found
        ]
    return [
        (each.lane, campaign)
        for each, row in zip(wanted, rows, strict=True)
        for campaign in await connection.scalars(_CAMPAIGNS_OF_ONE, {**row, "at": at})
    ]


async def _heads(
    connection: AsyncConnection, heads: Sequence[tuple[Lane, str, int]], at: datetime
) -> list[Candidate]:
    rows = [{**_of(lane), "campaign": campaign, "count": count} for lane, campaign, count in heads]
    if connection.dialect.name == "postgresql":
        found = (await connection.execute(_HEADS, {**rows_parameter(connection, rows), "at": at})).all()
        return [_candidate(heads[row.place - 1], row) for row in found]
    return [
        _candidate(head, found)
        for head, row in zip(heads, rows, strict=True)
        for found in await connection.execute(_HEAD, {**row, "at": at})
    ]


def _of(lane: Lane) -> dict[str, Any]:
    return {"model": lane.model, "caller_id": lane.caller_id, "priority": lane.priority}


def _candidate(head: tuple[Lane, str, int], row: Any) -> Candidate:
    lane, campaign, _ = head
    pictures = row.n if isinstance(row.n, int) and row.n > 0 else 1
    return Candidate(
        row.id,
        lane.caller_id,
        lane.model,
        lane.priority,
        campaign,
        row.not_before,
        pictures,
        row.avoid_channel_id,
    )


@lru_cache(maxsize=1)
def _lanes() -> Select[Any]:
    """Build a loose index scan (PostgreSQL wiki): each step looks up the first job behind the last lane."""
    first = jobs.alias("first")
    head = select(first.c.id).where(first.c.status == _QUEUED).order_by(*_columns(first)).limit(1)
    lane: CTE = select(head.scalar_subquery().label("id")).cte("lane", recursive=True)
    last, following = jobs.alias("last"), jobs.alias("following")
    step = (
        select(following.c.id)
        .where(following.c.status == _QUEUED)
        .where(tuple_(*_columns(following)) > tuple_(*_columns(last)))
        .order_by(*_columns(following))
        .limit(1)
        .correlate(last)
    )
    lane = lane.union_all(select(step.scalar_subquery()).select_from(lane.join(last, last.c.id == lane.c.id)))
    return select(*_columns(jobs)).select_from(lane.join(jobs, jobs.c.id == lane.c.id))


def _columns(table: Any) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in ("model", "caller_id", "priority")]


_CAMPAIGN = "coalesce(j.campaign, '')"


def _of_lane(given: str) -> str:
    same = (f"j.{name} = {given}{name}" for name in ("model", "caller_id", "priority"))
    return " AND ".join(("j.status = 'queued'", *same))


def _next_campaign(given: str, where: str, hint: str) -> str:
    of_lane = f"{_of_lane(given)} AND {where}"
    return f"SELECT {_CAMPAIGN} FROM jobs AS j {hint} WHERE {of_lane} ORDER BY {_CAMPAIGN} LIMIT 1"


def _walk(given: str, hint: str = "") -> str:
    due = f"{_of_lane(given)} AND {_CAMPAIGN} = walk.campaign AND j.not_before <= :at"
    return f"""
    WITH RECURSIVE walk(campaign) AS (
      SELECT ({_next_campaign(given, f"{_CAMPAIGN} >= {given}first", hint)})
      UNION ALL
      SELECT ({_next_campaign(given, f"{_CAMPAIGN} > walk.campaign", hint)})
      FROM walk WHERE walk.campaign IS NOT NULL
    ) SELECT campaign FROM walk WHERE campaign IS NOT NULL
      AND EXISTS (SELECT 1 FROM jobs AS j {hint} WHERE {due}) LIMIT {given}count"""


def _pick(given: str, pictures: str, hint: str = "") -> str:
    return f"""
    SELECT j.id, j.not_before, j.avoid_channel_id, {pictures} AS n FROM jobs AS j {hint}
    WHERE {_of_lane(given)} AND {_CAMPAIGN} = {given}campaign AND j.not_before <= :at
    ORDER BY j.not_before, j.id LIMIT {given}count"""


def _given(member: str) -> str:
    columns = f"model text, caller_id uuid, priority smallint, {member} text, count int"
    return f"""ROWS FROM (jsonb_to_recordset(CAST(:rows AS jsonb)) AS ({columns})) WITH ORDINALITY
      AS g(model, caller_id, priority, {member}, count, place)"""


_HINT = "INDEXED BY ix_jobs_line"
_PICKED: Mapping[str, Any] = {"id": Uuid(), "not_before": Utc(), "avoid_channel_id": Uuid()}
_CALLER, _AT = bindparam("caller_id", type_=Uuid()), bindparam("at", type_=Utc())
_CAMPAIGNS_OF_ONE = text(_walk(":", _HINT)).bindparams(_CALLER, _AT)
_HEAD = (
    text(_pick(":", "json_extract(j.request, '$.n')", _HINT))
    .bindparams(_CALLER, _AT)
    .columns(**_PICKED, n=Json)
)
_CAMPAIGNS = text(f"""
    SELECT g.model, g.caller_id, g.priority, c.campaign
    FROM {_given("first")} CROSS JOIN LATERAL ({_walk("g.")}) AS c ORDER BY g.place""").bindparams(_AT)
_HEADS = (
    text(f"""
    SELECT g.place, h.* FROM {_given("campaign")} CROSS JOIN LATERAL (
      {_pick("g.", "j.request -> 'n'")} FOR UPDATE OF j SKIP LOCKED
    ) AS h ORDER BY g.place""")
    .bindparams(_AT)
    .columns(**{"place": Integer(), **_PICKED, "n": Json})
)
