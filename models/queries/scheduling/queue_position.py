"""Queue positions: count the jobs ahead along the index, no further than needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, Text, Uuid, bindparam, select, text
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.api_keys import has_usable_key
from models.queries.bulk import rows_parameter
from models.queries.scheduling.due_jobs import POSTGRESQL, SQLITE, LineIndex, QueueSegment, due_time
from models.tables import Utc, callers

LAST_ID = UUID(int=2**128 - 1)  #: sorts after every id
_MAX_SKIPPED = 300  # jobs of one segment that are not due


@dataclass(frozen=True, slots=True)
class LineHead:
    """One campaign of a segment (``""``: none), and when its first job is due."""

    segment: QueueSegment
    campaign: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class QueueRange:
    """The jobs of one line that come before this time and id, counted up to ``limit``."""

    segment: QueueSegment
    campaign: str
    until: tuple[datetime, UUID]
    limit: int


async def list_shares(
    connection: AsyncConnection, caller_ids: Sequence[UUID], at: datetime
) -> Sequence[Row[Any]]:
    """Return the rows of those of the callers that have a usable key: their fair shares and limits."""
    query = select(callers).where(callers.c.id.in_(caller_ids), has_usable_key(at))
    return (await connection.execute(query)).all()


async def list_heads(
    connection: AsyncConnection, segments: Sequence[QueueSegment], *, limit: int
) -> list[LineHead]:
    """Return the lines of some segments, at most ``limit`` of each, by jumping along the index."""
    if connection.dialect.name == "postgresql":
        given = {**rows_parameter(connection, (segment.key for segment in segments)), "most": limit}
        found = await connection.execute(_ALL_HEADS, given)
        return [LineHead(segments[place - 1], campaign, due_time(due)) for place, campaign, due in found]
    return [
        LineHead(segment, campaign, due_time(due))
        for segment in segments
        for campaign, due in await connection.execute(_HEADS_OF_ONE, {**segment.key, "most": limit})
        if isinstance(campaign, str)  # SQLite stores any type
    ]


async def count_ranges(connection: AsyncConnection, ranges: Sequence[QueueRange], *, limit: int) -> list[int]:
    """Count the jobs of each range, at most ``limit`` of all together, in the order of the ranges."""
    rows = [
        {
            **each.segment.key,
            "campaign": each.campaign,
            "until_at": each.until[0],
            "until_id": each.until[1],
            "count": each.limit,
        }
        for each in ranges
    ]
    return await _count(connection, _RANGES, _RANGE, rows, most=limit)


async def count_segments(
    connection: AsyncConnection, segments: Sequence[tuple[QueueSegment, int]], at: datetime, *, limit: int
) -> list[int]:
    """Count the due jobs of each segment up to its number, at most ``limit`` of all together.

    Jobs that are not due may precede them in the index; beyond some hundreds of these nothing is counted.
    """
    rows = [{**segment.key, "until_at": at, "count": count} for segment, count in segments]
    return await _count(connection, _SEGMENTS, _SEGMENT, rows, most=limit)


async def _count(
    connection: AsyncConnection, together: Any, single: Any, rows: list[dict[str, Any]], *, most: int
) -> list[int]:
    counts = [0] * len(rows)
    if connection.dialect.name == "postgresql":
        given = {**rows_parameter(connection, rows), "most": most}
        for place, count in await connection.execute(together, given) if rows else ():
            counts[place - 1] = count
        return counts
    for place, row in enumerate(rows):
        left = most - sum(counts)
        if left > 0:
            counts[place] = await connection.scalar(single, {**row, "count": min(row["count"], left)}) or 0
    return counts


def _of_segment(given: str) -> str:
    same = (f"j.{name} = {given}{name}" for name in ("model", "caller_id", "priority"))
    return " AND ".join(("j.status = 'queued'", *same))


def _walk(given: str, index: LineIndex) -> str:
    campaign, jobs = index.campaign, f"FROM jobs AS j {index.hint} WHERE {_of_segment(given)}"
    return f"""
    WITH RECURSIVE walk(campaign, step) AS (
      SELECT (SELECT {campaign} {jobs} ORDER BY {campaign} LIMIT 1), 1
      UNION ALL
      SELECT (SELECT {campaign} {jobs} AND {campaign} > walk.campaign ORDER BY {campaign} LIMIT 1),
        step + 1 FROM walk WHERE walk.campaign IS NOT NULL AND step < :most
    ) SELECT campaign,
      (SELECT j.not_before {jobs} AND {campaign} = walk.campaign ORDER BY j.not_before LIMIT 1) AS due
    FROM walk WHERE campaign IS NOT NULL"""


def _range(given: str, index: LineIndex) -> str:
    return f"""SELECT j.not_before FROM jobs AS j {index.hint}
    WHERE {_of_segment(given)} AND {index.campaign} = {given}campaign
      AND (j.not_before, j.id) < ({given}until_at, {given}until_id) LIMIT {given}count"""


def _first(given: str, index: LineIndex) -> str:
    return f"""SELECT f.not_before FROM (
      SELECT j.not_before FROM jobs AS j {index.hint} WHERE {_of_segment(given)}
      LIMIT {given}count + {_MAX_SKIPPED}
    ) AS f WHERE f.not_before <= {given}until_at LIMIT {given}count"""


def _given(**members: str) -> str:
    named = {"model": "text", "caller_id": "uuid", "priority": "smallint", **members}
    columns = ", ".join(f"{name} {kind}" for name, kind in named.items())
    return f"""ROWS FROM (jsonb_to_recordset(CAST(:rows AS jsonb)) AS ({columns})) WITH ORDINALITY
      AS g({", ".join(named)}, place)"""


def _each(inner: str, **members: str) -> str:
    """Count what ``inner`` finds for each given row; LIMIT ends the work as soon as enough is found."""
    return f"""SELECT place, count(*) FROM (
      SELECT g.place FROM {_given(**members)} CROSS JOIN LATERAL ({inner}) AS h LIMIT :most
    ) AS s GROUP BY place"""


_FOR_ONE = (
    bindparam("caller_id", type_=Uuid()),
    bindparam("until_at", type_=Utc()),
    bindparam("until_id", type_=Uuid()),
)
_TYPES: Mapping[str, Any] = {"campaign": Text(), "due": Utc()}
_HEADS_OF_ONE = text(_walk(":", SQLITE)).bindparams(_FOR_ONE[0]).columns(**_TYPES)
_ALL_HEADS = text(
    f"SELECT g.place, w.* FROM {_given()}"
    f" CROSS JOIN LATERAL ({_walk('g.', POSTGRESQL)}) AS w ORDER BY g.place"
).columns(place=Integer(), **_TYPES)
_RANGE = text(f"SELECT count(*) FROM ({_range(':', SQLITE)})").bindparams(*_FOR_ONE)
_RANGES = text(
    _each(_range("g.", POSTGRESQL), campaign="text", until_at="timestamptz", until_id="uuid", count="int")
)
_SEGMENT = text(f"SELECT count(*) FROM ({_first(':', SQLITE)})").bindparams(*_FOR_ONE[:2])
_SEGMENTS = text(_each(_first("g.", POSTGRESQL), until_at="timestamptz", count="int"))
