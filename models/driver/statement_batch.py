"""Statement batch: hot statements, compiled once and sent to PostgreSQL in one round trip (pipeline mode).

SQLAlchemy takes several times as long to execute a statement as its driver. So it only compiles these, and
psycopg executes them as prepared statements. SQLAlchemy executes them itself, one after the other and with
the same result, on SQLite, behind a pooler (which may lose prepared statements) and with a libpq before 14.
"""

import asyncio
import re
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

import psycopg
from psycopg import AsyncPipeline, AsyncRawCursor
from sqlalchemy import Connection, Dialect, Executable
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.expression import ClauseElement

_PARAMETER = re.compile(r"%\((\w+)\)s|%%")
Rows = Sequence[Any]
"""Named tuples, or nothing for a statement that returns no rows."""


class StatementBatch:
    """Collects statements of one transaction, which are executed together, in their order.

    It takes the place of a connection where a statement is executed whose result is not needed at once. Each
    must be the same object whenever it is executed, as its text is found by it.

    >>> batch = StatementBatch(connection)
    >>> await insert_attempts(batch, attempts)
    >>> await insert_assets(batch, assets)
    >>> await batch.run()
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._statements: list[tuple[Executable, Mapping[str, Any]]] = []

    @property
    def dialect(self) -> Dialect:
        """The dialect of its connection."""
        return self._connection.dialect

    async def execute(self, statement: Executable, parameters: Mapping[str, Any]) -> None:
        """Add a statement, which ``run`` executes."""
        self._statements.append((statement, parameters))

    async def run(self) -> Sequence[Rows]:
        """Execute the statements; return the rows of each. Raises SQLAlchemy's errors."""
        statements, self._statements = self._statements, []
        if not statements:
            return []
        driver = await _pipelining_driver(self._connection)
        if driver is None:
            return [await _execute(self._connection, *each) for each in statements]
        compiled = [_compile(statement, self.dialect) for statement, _ in statements]
        cursors = [AsyncRawCursor(driver) for _ in statements]
        try:
            async with driver.pipeline():
                for each, cursor, (_, parameters) in zip(compiled, cursors, statements, strict=True):
                    await cursor.execute(each.text, each.values(parameters), prepare=True)
            return [
                each.rows(await cursor.fetchall()) if cursor.description else ()
                for each, cursor in zip(compiled, cursors, strict=True)
            ]
        except psycopg.Error as error:
            done = sum(cursor.statusmessage is not None for cursor in cursors)
            await self._connection.run_sync(_raise, error, compiled[min(done, len(compiled) - 1)].text)
            raise
        except asyncio.CancelledError:
            await (
                self._connection.invalidate()
            )  # what is left of the pipeline would answer the next statement
            raise


async def _execute(connection: AsyncConnection, statement: Executable, parameters: Mapping[str, Any]) -> Rows:
    result = await connection.execute(statement, parameters)
    return result.all() if result.returns_rows else ()


async def _pipelining_driver(connection: AsyncConnection) -> "psycopg.AsyncConnection[Any] | None":
    """Return psycopg's connection, in a transaction, if it can prepare statements and send many at once."""
    if connection.dialect.name != "postgresql" or not AsyncPipeline.is_supported():
        return None
    if not connection.in_transaction():
        await connection.begin()  # psycopg begins one; SQLAlchemy must know, to end it
    driver: Any = (await connection.get_raw_connection()).driver_connection
    return driver if driver.prepare_threshold is not None else None


def _raise(connection: Connection, error: BaseException, statement: str) -> NoReturn:
    """Raise an error of the driver as SQLAlchemy's execution does: translated, after its listeners."""
    connection._handle_dbapi_exception(error, statement, None, None, None)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement's text with positional parameters, and how its rows are read."""

    text: str
    names: Sequence[str]  #: of the parameters
    constants: Mapping[str, Any]
    make: Callable[[Sequence[Any]], Any]  #: makes a named tuple of a row
    readers: Sequence[tuple[int, Callable[[Any], Any]]]  #: of the columns whose values are converted

    def values(self, parameters: Mapping[str, Any]) -> Sequence[Any]:
        given = {**self.constants, **parameters}
        return [given[name] for name in self.names]

    def rows(self, found: Sequence[Sequence[Any]]) -> Rows:
        if not self.readers:
            return [self.make(row) for row in found]
        return [self.make(self._read(row)) for row in found]

    def _read(self, row: Sequence[Any]) -> Sequence[Any]:
        values = list(row)
        for place, read in self.readers:
            values[place] = read(values[place])
        return values


@lru_cache(maxsize=128)
def _compile(statement: Executable, dialect: Dialect) -> _Compiled:
    """Compile a statement. Raises ``TypeError`` for one with constants that SQLAlchemy would convert."""
    assert isinstance(statement, ClauseElement)
    compiled = statement.compile(dialect=dialect)
    names: list[str] = []

    def place(found: re.Match[str]) -> str:
        if (name := found[1]) is None:
            return "%"
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    text = _PARAMETER.sub(place, str(compiled))
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    if "POSTCOMPILE" in text or any(type(value) not in (int, str) for value in constants.values()):
        raise TypeError(f"a batch can't execute {text}")
    columns = list(statement.exported_columns)  # type: ignore[attr-defined]  # of Select, Insert, Update
    found = [each.type.dialect_impl(dialect).result_processor(dialect, None) for each in columns]
    row = namedtuple("Row", [each.key for each in columns], rename=True)  # type: ignore[misc]
    return _Compiled(
        text, names, constants, row._make, [(n, read) for n, read in enumerate(found) if read is not None]
    )
