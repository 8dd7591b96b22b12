"""Due jobs by queue segment: the queued jobs of one model, caller and priority (loose index scan).

A round reads a bounded number of rows, however many wait: it jumps from segment to segment along the index,
within a segment from campaign to campaign, beginning after the one served last, and takes some jobs of each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Integer, SmallInteger, Text, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.integrity.bounds import FIRST_TIME
from models.integrity.unreadable import Unreadable
from models.queries.bulk import rows_parameter
from models.request import image_count
from models.tables import Json, Utc

LineKey = tuple[str, int]  #: a campaign and a priority of one caller


@dataclass(frozen=True, slots=True)
class QueueSegment:
    """The queued jobs of one model, one caller and one priority."""

    model: str
    caller_id: UUID
    priority: int
    stored_priority: Any = None  #: where it is no integer, which only SQLite stores: counts as priority 0

    @classmethod
    def from_row(cls, model: str, caller_id: UUID, priority: Any) -> "QueueSegment":
        """Make a segment of what the database holds."""
        known = isinstance(priority, int)
        return cls(model, caller_id, priority) if known else cls(model, caller_id, 0, priority)

    @property
    def key(self) -> dict[str, Any]:
        """Its columns, as they are stored."""
        priority = self.priority if self.stored_priority is None else self.stored_priority
        return {"model": self.model, "caller_id": self.caller_id, "priority": priority}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A due job that a round considers. ``avoid``: the channel whose call failed last."""

    job_id: UUID
    caller_id: UUID
    model: str
    priority: int
    campaign: str
    due_at: datetime
    images: int = 1
    avoid: UUID | None = None

    @property
    def line(self) -> LineKey:
        """Its campaign and priority."""
        return self.campaign, self.priority


@dataclass(frozen=True, slots=True)
class SegmentRequest:
    """A number of jobs of a segment, its campaigns in turn: first those after the one served ``last``.

    ``rescan``: that one comes first once more. ``closed``: campaigns that are left out.
    """

    segment: QueueSegment
    count: int
    last: str = ""
    rescan: bool = False
    closed: frozenset[str] = frozenset()


async def list_segments(connection: AsyncConnection) -> list[QueueSegment]:
    """Return every segment that has queued jobs, by jumping along the index."""
    rows = await connection.execute(_SEGMENTS[connection.dialect.name])
    # SQLite stores any type as a model: no channel serves one that is no text
    return [QueueSegment.from_row(*row) for row in rows if isinstance(row[0], str)]


async def pick_due(
    connection: AsyncConnection, requests: Sequence[SegmentRequest], at: datetime
) -> list[Candidate]:
    """Lock due jobs at the heads of segments, their campaigns in turn; skip rows that others have locked."""
    if connection.dialect.name == "postgresql":
        rows = rows_parameter(connection, map(_row, requests))
        found = await connection.execute(_PICKS, {**rows, "at": at})
        return [_candidate(requests[place - 1].segment, *row) for place, *row in found]
    picked: list[Candidate] = []
    for each in requests:
        campaigns = (await connection.scalars(_CAMPAIGNS, {**_sqlite_row(_row(each)), "at": at})).all()
        for campaign in campaigns:
            count = -(-each.count // len(campaigns))
            given = {**each.segment.key, "campaign": campaign, "count": count, "at": at}
            picked += [_candidate(each.segment, *row) for row in await connection.execute(_PICK, given)]
    return picked


async def list_due(
    connection: AsyncConnection,
    segments: Sequence[QueueSegment],
    at: datetime,
    *,
    closed: Mapping[UUID, frozenset[str]] | None = None,
) -> list[QueueSegment]:
    """Return those of the segments in which a job is due. ``closed``: campaigns left out, by caller."""
    left_out = closed or {}
    rows = [
        _row(SegmentRequest(each, 1, closed=left_out.get(each.caller_id, frozenset()))) for each in segments
    ]
    if connection.dialect.name == "postgresql":
        places = await connection.scalars(_DUE, {**rows_parameter(connection, rows), "at": at})
        return [segments[place - 1] for place in places]
    return [
        segment
        for segment, row in zip(segments, rows, strict=True)
        if (await connection.scalars(_CAMPAIGNS, {**_sqlite_row(row), "at": at})).all()
    ]


def _row(wanted: SegmentRequest) -> dict[str, Any]:
    row = {**wanted.segment.key, "last": wanted.last, "again": wanted.rescan, "count": wanted.count}
    return {**row, "closed": sorted(wanted.closed)}


def _sqlite_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "closed": orjson.dumps(row["closed"]).decode()}


def due_time(stored: datetime | Unreadable) -> datetime:
    """Return when a job is due; one whose time can't be read is leased soon, and ends with the reason."""
    return stored if isinstance(stored, datetime) else FIRST_TIME


def _candidate(
    segment: QueueSegment,
    campaign: str,
    job_id: UUID,
    due_at: datetime | Unreadable,
    avoid: UUID | None,
    n: Any,
) -> Candidate:
    campaign = campaign if isinstance(campaign, str) else ""
    images = image_count(n)
    return Candidate(
        job_id, segment.caller_id, segment.model, segment.priority, campaign, due_time(due_at), images, avoid
    )


@dataclass(frozen=True, slots=True)
class LineIndex:
    """How a dialect uses the index of queued jobs: by which hint, and with which collation of campaigns."""

    hint: str
    collation: str

    @property
    def campaign(self) -> str:
        """The campaign of a job, as it is indexed."""
        return f"coalesce(j.campaign, '') {self.collation}"


POSTGRESQL, SQLITE = LineIndex("", 'COLLATE "C"'), LineIndex("INDEXED BY ix_jobs_line", "")
_GIVEN = """ROWS FROM (jsonb_to_recordset(CAST(:rows AS jsonb)) AS (
    model text, caller_id uuid, priority smallint, last text, again boolean, count int, closed jsonb
  )) WITH ORDINALITY AS g(model, caller_id, priority, last, again, count, closed, place)"""


def _head(columns: str, where: str, index: LineIndex, *, count: str = "1", order: str = "") -> str:
    return f"""SELECT {columns} FROM jobs AS j {index.hint}
      WHERE j.status = 'queued' AND {where} ORDER BY {order or columns} LIMIT {count}"""


def _next(walk: str, columns: str, where: str, index: LineIndex) -> str:
    """Build the step of a walk along the index: the first queued job after the current place."""
    if index is SQLITE:  # it knows no LATERAL
        head = _head("j.id", where, index, order=columns)
        return f"SELECT {columns} FROM {walk} JOIN jobs AS j ON j.id = ({head})"
    return f"SELECT n.* FROM {walk} CROSS JOIN LATERAL ({_head(columns, where, index)}) AS n"


def _segments(index: LineIndex) -> str:
    """Build a loose index scan (PostgreSQL wiki)."""
    columns, last = "j.model, j.caller_id, j.priority", "(s.model, s.caller_id, s.priority)"
    return f"""
    WITH RECURSIVE s(model, caller_id, priority) AS (
      {_next(_START, columns, "true", index)}
      UNION ALL {_next("s", columns, f"({columns}) > {last}", index)}
    ) SELECT model, caller_id, priority FROM s"""


def _of_segment(given: str, campaign: str, index: LineIndex) -> str:
    same = (f"j.{name} = {given}{name}" for name in ("model", "caller_id", "priority"))
    return " AND ".join((*same, f"{index.campaign} {campaign}"))


def _campaigns(given: str, index: LineIndex) -> str:
    """Build a walk over the campaigns in which a job is due: those after the last one, then the others.

    Closed ones are stepped over: however many of their jobs wait, that costs one step each.
    """
    if index is SQLITE:
        is_open = f"campaign NOT IN (SELECT value FROM json_each({given}closed))"
    else:
        is_open = f"NOT jsonb_exists({given}closed, campaign)"
    last, again = f"{given}last {index.collation}", f"{given}again"
    here = _head("j.not_before", _of_segment(given, f"= {last}", index), index)

    def step(walk: str, campaign: str) -> str:
        return _next(walk, f"{index.campaign}, j.not_before", _of_segment(given, campaign, index), index)

    return f"""
    WITH RECURSIVE behind(campaign, due) AS (
      SELECT {last}, CASE WHEN {again} THEN ({here}) END
      UNION ALL {step("behind", "> behind.campaign")}
    ), before(campaign, due) AS (
      {step(_START, f"<= {last}")}
      UNION ALL {step("before", f"> before.campaign AND {index.campaign} <= {last}")}
    )
    SELECT campaign FROM behind WHERE due <= :at AND {is_open}
    UNION ALL SELECT campaign FROM before
      WHERE due <= :at AND (campaign < {last} OR NOT {again}) AND {is_open}
    LIMIT {given}count"""


def _pick(given: str, campaign: str, count: str, pictures: str, index: LineIndex) -> str:
    columns = f"{campaign} AS campaign, j.id, j.not_before, j.avoid_channel_id, {pictures} AS n"
    where = f"{_of_segment(given, f'= {campaign}', index)} AND j.not_before <= :at"
    return _head(columns, where, index, count=count, order="j.not_before, j.id")


_START = "(SELECT 1) AS start"
_CALLER, _AT = bindparam("caller_id", type_=Uuid()), bindparam("at", type_=Utc())
_PICKED: Mapping[str, Any] = {
    "campaign": Text(),
    "id": Uuid(),
    "not_before": Utc(),
    "avoid_channel_id": Uuid(),
    "n": Json,
}
_SEGMENT: Mapping[str, Any] = {"model": Text(), "caller_id": Uuid(), "priority": SmallInteger()}
_SEGMENTS = {
    "postgresql": text(_segments(POSTGRESQL)).columns(**_SEGMENT),
    "sqlite": text(_segments(SQLITE)).columns(**_SEGMENT),
}
_CAMPAIGNS = text(_campaigns(":", SQLITE)).bindparams(_CALLER, _AT)
_PICK = (
    text(
        _pick(
            ":",
            ":campaign",
            ":count",
            "CASE WHEN json_valid(j.request) THEN json_extract(j.request, '$.n') END",
            SQLITE,
        )
    )
    .bindparams(_CALLER, _AT)
    .columns(**_PICKED)
)
_DUE = text(f"SELECT g.place FROM {_GIVEN} WHERE EXISTS ({_campaigns('g.', POSTGRESQL)})").bindparams(_AT)
_PICKS = (
    text(f"""
    SELECT g.place, h.* FROM {_GIVEN}
    CROSS JOIN LATERAL (
      SELECT campaign, count(*) OVER () AS found FROM ({_campaigns("g.", POSTGRESQL)}) AS w
    ) AS c
    CROSS JOIN LATERAL (
      {_pick("g.", "c.campaign", "(g.count + c.found - 1) / c.found", "j.request -> 'n'", POSTGRESQL)}
      FOR UPDATE OF j SKIP LOCKED
    ) AS h""")
    .bindparams(_AT)
    .columns(**{"place": Integer(), **_PICKED})
)
