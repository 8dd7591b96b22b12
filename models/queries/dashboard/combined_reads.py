"""Combined reads: queries of several coroutines that wait at the same time are sent as one statement.

The statement is a UNION ALL with one part per query. Columns of one type share the columns of the union, so
that it is as wide as the widest of the queries.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import Column, ColumnElement, Row, Subquery, func, literal_column, null, select, union_all
from sqlalchemy import cast as sql_cast
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import NullType

_PLACE = func.row_number().over()  # of a row among those of its part
_PARTS = 400  # of a UNION: SQLite takes 500
Read = Callable[[AsyncConnection], Awaitable[Any]]
_Slot = tuple[str, int]  # type of a column, and its number among those of this type


async def read_together(connection: AsyncConnection, *reads: Read) -> list[Any]:
    """Return what each read returns, by one statement if each sends one query.

    A read gets a connection that takes queries (SELECT) without locks; of one that sends a further query
    after its first, that is sent with the further queries of the others.
    """
    if len(reads) < 2:
        return await read_in_turn(connection, *reads)
    combined = _Combined(connection, len(reads))
    tasks = [asyncio.create_task(combined.run(read), name="combined read") for read in reads]
    try:
        await combined.send_all()
        return [await task for task in tasks]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def read_in_turn(connection: AsyncConnection, *reads: Read) -> list[Any]:
    """Return what ``read_together`` does, by a statement of each: cheaper to prepare where all are small."""
    return [await read(connection) for read in reads]


class _Combined:
    """Takes the queries of reads, as a connection does, until each read waits for one or has ended."""

    def __init__(self, connection: AsyncConnection, reads: int) -> None:
        self._connection, self._running = connection, reads
        self._waiting: list[tuple[Any, asyncio.Future[Sequence[Row[Any]]]]] = []
        self._all_wait = asyncio.Event()

    @property
    def dialect(self) -> Any:
        return self._connection.dialect

    async def execute(self, query: Any, parameters: Mapping[str, Any] | None = None) -> IteratorResult[Any]:
        found: asyncio.Future[Sequence[Row[Any]]] = asyncio.get_running_loop().create_future()
        self._waiting.append((query.params(parameters) if parameters else query, found))
        self._notice_waiting()
        rows = await found
        return IteratorResult(SimpleResultMetaData(_names(query)), iter(rows))

    async def scalars(self, query: Any, parameters: Mapping[str, Any] | None = None) -> Any:
        return (await self.execute(query, parameters)).scalars()

    async def scalar(self, query: Any, parameters: Mapping[str, Any] | None = None) -> Any:
        return (await self.execute(query, parameters)).scalar()

    async def run(self, read: Read) -> Any:
        try:
            return await read(cast(AsyncConnection, self))
        finally:
            self._running -= 1
            self._notice_waiting()

    def _notice_waiting(self) -> None:
        if len(self._waiting) == self._running:
            self._all_wait.set()

    async def send_all(self) -> None:
        """Send the queries, as often as all reads that have not ended wait."""
        while True:
            await self._all_wait.wait()
            self._all_wait.clear()
            waiting, self._waiting = self._waiting, []
            if not waiting:
                return
            for start in range(0, len(waiting), _PARTS):
                part = waiting[start : start + _PARTS]
                found = await _read(self._connection, [query for query, _ in part])
                for (_, future), rows in zip(part, found, strict=True):
                    future.set_result(rows)


def _names(query: Any) -> list[str]:
    return list(query.selected_columns.keys())


async def _read(connection: AsyncConnection, queries: Sequence[Any]) -> list[list[Any]]:
    """Return the values of each query's rows, in the order of its rows."""
    if len(queries) == 1:
        return [[tuple(row) for row in await connection.execute(queries[0])]]
    parts = [query.subquery(f"part_{number}") for number, query in enumerate(queries)]
    slots = [_slots_of(part, number) for number, part in enumerate(parts)]
    types = {
        slot: column.type
        for part, own in zip(parts, slots, strict=True)
        for slot, column in zip(own, part.c, strict=True)
    }
    order = {slot: position for position, slot in enumerate(types)}
    selects = []
    for number, (part, own) in enumerate(zip(parts, slots, strict=True)):
        columns = dict(zip(own, part.c, strict=True))
        values = [columns[slot] if slot in columns else _missing(kind) for slot, kind in types.items()]
        selects.append(select(literal_column(str(number)), _PLACE, *values).select_from(part))
    found: list[list[tuple[int, Any]]] = [[] for _ in queries]
    for row in await connection.execute(union_all(*selects)):
        number = int(row[0])
        found[number].append((row[1], tuple(row[2 + order[slot]] for slot in slots[number])))
    return [[values for _, values in sorted(rows, key=lambda each: each[0])] for rows in found]


def _slots_of(part: Subquery, number: int) -> list[_Slot]:
    """Return the slots of a part. What it computes has its own: a sum of integers is none to PostgreSQL."""
    seen = Counter[str]()
    slots = []
    for column in part.c:
        is_stored = all(isinstance(each, Column) for each in column.base_columns)
        name = _name_of(column.type) if is_stored else f"{_name_of(column.type)} of part {number}"
        slots.append((name, seen[name]))
        seen[name] += 1
    return slots


@lru_cache(maxsize=1000)
def _name_of(kind: Any) -> str:
    return repr(kind)


@lru_cache(maxsize=1000)
def _missing(kind: Any) -> ColumnElement[Any]:
    return null() if isinstance(kind, NullType) else sql_cast(null(), kind)
