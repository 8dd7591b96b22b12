"""Rows of campaigns: compare with an import, write in bulk, read in order, and take those to be started."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Insert, Row, Select, Update, and_, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.row import RowContent
from models.queries.bulk import rows_parameter, rows_source
from models.tables import campaign_rows as rows
from models.text_order import code_points


@dataclass(frozen=True, slots=True)
class StoredRow:
    """A row as it is stored."""

    key: str
    position: int
    version: int
    started_version: int
    started_variants: int
    content: RowContent


@dataclass(frozen=True, slots=True)
class ImportedRow:
    """A row of an import: new, or with other content than the stored one."""

    key: str
    line: int
    content: RowContent
    content_hash: str


async def hashes_of(
    connection: AsyncConnection, campaign_id: UUID, keys: Sequence[str]
) -> dict[str, tuple[str, bool]]:
    """Return the content hash of each stored row of these keys, and whether it is marked as missing."""
    # joined, not listed: for a list PostgreSQL may filter all rows of the campaign
    given = rows_source(connection.dialect.name, [rows.c.key])
    query = select(rows.c.key, rows.c.content_hash, rows.c.missing_since).where(
        rows.c.campaign_id == campaign_id, rows.c.key == given.c.key
    )
    found = await connection.execute(query, rows_parameter(connection, [{"key": key} for key in keys]))
    return {row.key: (row.content_hash, row.missing_since is not None) for row in found}


async def insert_rows(
    connection: AsyncConnection, campaign_id: UUID, added: Sequence[ImportedRow], *, first_position: int
) -> None:
    """Insert rows in their order, the first at this position."""
    if added:
        values = [
            _values(each) | {"campaign_id": campaign_id, "position": first_position + number, "version": 1}
            for number, each in enumerate(added)
        ]
        await connection.execute(_insert(connection.dialect.name), rows_parameter(connection, values))


async def change_rows(connection: AsyncConnection, campaign_id: UUID, changed: Sequence[ImportedRow]) -> None:
    """Replace the content of rows: each gets a new version, which is to be started."""
    if changed:
        values = [_values(each) | {"campaign_id": campaign_id} for each in changed]
        await connection.execute(_change(connection.dialect.name), rows_parameter(connection, values))


async def mark_missing(
    connection: AsyncConnection, campaign_id: UUID, keys: Sequence[str], at: datetime | None
) -> None:
    """Note since when rows are missing in the imports; ``None``: the last import had them."""
    if keys:
        statement = update(rows).where(rows.c.campaign_id == campaign_id, rows.c.key.in_(keys))
        if at is not None:
            statement = statement.where(rows.c.missing_since.is_(None))
        await connection.execute(statement.values(missing_since=at))


async def list_keys(
    connection: AsyncConnection, campaign_id: UUID, *, after: str | None, limit: int
) -> Sequence[str]:
    """Return a page of the keys of a campaign, by code points."""
    key = code_points(rows.c.key)
    query = select(rows.c.key).where(rows.c.campaign_id == campaign_id)
    if after is not None:
        query = query.where(key > after)
    return (await connection.scalars(query.order_by(key).limit(limit))).all()


async def list_rows(
    connection: AsyncConnection, campaign_id: UUID, *, from_position: int, limit: int
) -> list[StoredRow]:
    """Return rows in the order of their import, from a position."""
    query = _ROWS.where(rows.c.campaign_id == campaign_id, rows.c.position >= from_position)
    found = await connection.execute(query.order_by(rows.c.position).limit(limit))
    return [_stored(row) for row in found]


async def rows_at(
    connection: AsyncConnection, campaign_id: UUID, positions: Sequence[int]
) -> list[StoredRow]:
    """Return the rows at these positions, in order."""
    query = _ROWS.where(rows.c.campaign_id == campaign_id, rows.c.position.in_(positions))
    return [_stored(row) for row in await connection.execute(query.order_by(rows.c.position))]


async def rows_of_keys(
    connection: AsyncConnection, campaign_id: UUID, keys: Sequence[str]
) -> dict[str, StoredRow]:
    """Return rows by key."""
    given = rows_source(connection.dialect.name, [rows.c.key])
    query = _ROWS.where(rows.c.campaign_id == campaign_id, rows.c.key == given.c.key)
    found = await connection.execute(query, rows_parameter(connection, [{"key": key} for key in keys]))
    return {row.key: _stored(row) for row in found}


async def lock_unstarted(connection: AsyncConnection, campaign_id: UUID, *, limit: int) -> list[StoredRow]:
    """Lock and return the first rows whose present version has not all its jobs yet.

    Rows that another process has locked are left to it.
    """
    query = _ROWS.where(rows.c.campaign_id == campaign_id, rows.c.started_version < rows.c.version)
    query = query.order_by(rows.c.position).limit(limit).with_for_update(skip_locked=True)
    return [_stored(row) for row in await connection.execute(query)]


async def any_unstarted(connection: AsyncConnection, campaign_id: UUID) -> bool:
    """Return whether a row has no jobs for its present version."""
    query = select(rows.c.key).where(
        rows.c.campaign_id == campaign_id, rows.c.started_version < rows.c.version
    )
    return await connection.scalar(query.limit(1)) is not None


async def count_unstarted(connection: AsyncConnection, campaign_id: UUID) -> int:
    """Count the rows that have no jobs for their present version."""
    query = (
        select(func.count())
        .select_from(rows)
        .where(rows.c.campaign_id == campaign_id, rows.c.started_version < rows.c.version)
    )
    return await connection.scalar(query) or 0


async def count_missing(connection: AsyncConnection, campaign_id: UUID) -> int:
    """Count the rows that the last import did not have."""
    query = (
        select(func.count())
        .select_from(rows)
        .where(rows.c.campaign_id == campaign_id, rows.c.missing_since.is_not(None))
    )
    return await connection.scalar(query) or 0


async def note_started(
    connection: AsyncConnection, campaign_id: UUID, started: Sequence[Mapping[str, Any]]
) -> None:
    """Write how far rows are started; each has key, started_version and started_variants."""
    if started:
        values = [{"campaign_id": campaign_id, **each} for each in started]
        await connection.execute(_started(connection.dialect.name), rows_parameter(connection, values))


async def all_rows(
    connection: AsyncConnection, campaign_id: UUID, *, page: int = 1_000
) -> AsyncIterator[StoredRow]:
    """Iterate over the rows of a campaign in order, a page at a time."""
    position = 0
    while found := await list_rows(connection, campaign_id, from_position=position, limit=page):
        for row in found:
            yield row
        position = found[-1].position + 1


_ROWS: Select[Any] = select(
    *(rows.c[name] for name in ("key", "position", "version", "started_version", "started_variants")),
    rows.c.variables,
    rows.c.overrides,
)
_CONTENT = ("line", "variables", "overrides", "content_hash")


def _stored(row: Row[Any]) -> StoredRow:
    content = RowContent(row.variables, row.overrides)
    return StoredRow(row.key, row.position, row.version, row.started_version, row.started_variants, content)


def _values(row: ImportedRow) -> dict[str, Any]:
    return {
        "key": row.key,
        "line": row.line,
        "variables": dict(row.content.variables),
        "overrides": dict(row.content.overrides),
        "content_hash": row.content_hash,
    }


def _columns(*names: str) -> list[Column[Any]]:
    return [rows.c[name] for name in names]


@lru_cache(maxsize=2)
def _insert(dialect: str) -> Insert:
    names = ("campaign_id", "key", "position", "version", *_CONTENT)
    given = rows_source(dialect, _columns(*names))
    return insert(rows).from_select(names, select(*(given.c[name] for name in names)))


@lru_cache(maxsize=2)
def _change(dialect: str) -> Update:
    given = rows_source(dialect, _columns("campaign_id", "key", *_CONTENT))
    return (
        update(rows)
        .where(_same(given))
        .values(
            **{name: given.c[name] for name in _CONTENT},
            version=rows.c.version + 1,
            started_variants=0,
            missing_since=None,
        )
    )


@lru_cache(maxsize=2)
def _started(dialect: str) -> Update:
    given = rows_source(dialect, _columns("campaign_id", "key", "started_version", "started_variants"))
    return (
        update(rows)
        .where(_same(given))
        .values(started_version=given.c.started_version, started_variants=given.c.started_variants)
    )


def _same(given: Any) -> Any:
    return and_(rows.c.campaign_id == given.c.campaign_id, rows.c.key == given.c.key)
