"""Database access: one async engine per event loop, reading and writing transactions."""

import math
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

import orjson
import structlog
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import QueuePool

from models.addresses.database import driver_arguments
from models.integrity.database_errors import loses_statements, makes_connections_stale, translated_errors
from models.integrity.unreadable import Unreadable

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # a committed "sent" must survive a power cut, or a call is paid twice
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=15000",
)

_SESSION: Mapping[str, str] = {
    # in a zone east of UTC, the last hours of the year 9999 have no Python datetime
    "TimeZone": "UTC",
    "DateStyle": "ISO",
}
"""Settings of each session that hold through a pooler, too: PgBouncer hands them on with each transaction."""
_IDLE = "idle_in_transaction_session_timeout"
_IDLE_LIMIT = "20s"  # a client that is frozen or lost inside a transaction would hold its locks for hours
_DIRECT: Mapping[str, str] = {
    _IDLE: _IDLE_LIMIT,
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
"""Settings of a session on the server itself. Behind a pooler, others have the same connections."""
_POOLED = "behind_pooler"  # in the ``info`` of a connection
_log = structlog.get_logger()
_DEADLINE = "deadline"  # in the ``info`` of a connection: of its present statement
_STEPS = 20_000  # of SQLite's virtual machine (a millisecond, about) between two looks at the deadline
_AFTER_COMMIT = "after_commit"  # in the execution options of a connection


Observe = Callable[[str, float, float], object]
"""Takes ``read`` or ``write``, seconds of the wait for a connection, and seconds from then to its return."""


@dataclass(frozen=True, slots=True)
class PoolUse:
    """Use of a pool at one time."""

    used: int  #: connections that transactions hold
    idle: int  #: open connections that none holds
    most: int  #: connections at most
    waiting: int  #: transactions that wait for one


class Database:
    """Opens transactions; the only place where they begin and end.

    ``url`` is a SQLAlchemy URL with an async driver; ``pool`` is the most connections.
    ``statement_timeout`` is in seconds; a statement that takes longer raises ``QueryTooSlow``.
    """

    observe: Observe | None = None  #: called at the end of each transaction

    def __init__(self, url: str, *, pool: int = 10, statement_timeout: float | None = None) -> None:
        self._waiting = 0
        parsed = make_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        size, overflow = (min(pool, 4), 10) if self.is_sqlite else (pool, 0)
        self._most = size + overflow
        options: dict[str, Any] = {}
        if not self.is_sqlite:
            parsed, arguments = driver_arguments(parsed)
            options = {"pool_timeout": 30, "connect_args": arguments}
        self.engine = create_async_engine(
            parsed,
            json_deserializer=_read_json,
            pool_size=size,
            max_overflow=overflow,
            pool_pre_ping=False,
            hide_parameters=True,  # an error's text would repeat prompts and messages
            **options,
        )
        event.listen(self.engine.sync_engine, "handle_error", _drop_stale_connections)
        configure = _configure_sqlite if self.is_sqlite else _configure_postgres
        configure(self.engine.sync_engine, statement_timeout)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that only reads. Raises ``DatabaseAway``, of it ``QueryTooSlow``.

        It is committed, because psycopg drops all prepared statements of a connection on ROLLBACK.
        """
        with translated_errors():
            async with self._connection("read") as connection:
                yield connection
                await connection.commit()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Open a transaction that writes: committed at the end, rolled back on any error.

        Raises ``DatabaseAway`` if the database takes no writes now.
        On SQLite it takes the write lock at once (``BEGIN IMMEDIATE``), so that it can't fail later on.
        """
        acts: list[Callable[[], None]] = []
        with translated_errors():
            async with self._connection("write") as connection:
                await connection.execution_options(writes=True, **{_AFTER_COMMIT: acts})
                async with connection.begin():
                    yield connection
        for act in acts:
            try:
                act()
            except Exception:  # noqa: BLE001 - what was written stays written: its caller must not write it again
                _log.exception("what follows a commit failed; the commit is not affected")

    def pool_use(self) -> PoolUse:
        """Return the present use of the pool, from any thread."""
        pool = self.engine.pool
        if not isinstance(pool, QueuePool):
            return PoolUse(0, 0, 0, self._waiting)  # SQLite in memory: there is one connection
        return PoolUse(pool.checkedout(), pool.checkedin(), self._most, self._waiting)

    def turn(self) -> AbstractAsyncContextManager[None]:
        """Return what a transaction holds besides its connection, from before it has one."""
        return nullcontext()

    @asynccontextmanager
    async def _connection(self, operation: str) -> AsyncIterator[AsyncConnection]:
        """Hold a connection; observe the wait for it, and the time until its return."""
        async with AsyncExitStack() as held:
            start = time.perf_counter()
            self._waiting += 1
            try:
                await held.enter_async_context(self.turn())
                connection = await held.enter_async_context(self.engine.connect())
            finally:
                self._waiting -= 1
            connected = time.perf_counter()
            try:
                yield connection
            finally:
                if self.observe is not None:
                    self.observe(operation, connected - start, time.perf_counter() - connected)

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()


def after_commit(connection: AsyncConnection, act: Callable[[], None]) -> None:
    """Call ``act``, which must not raise, once the transaction of ``Database.writing`` is committed."""
    if connection.sync_connection is not None:
        options = connection.sync_connection.get_execution_options()
        options.get(_AFTER_COMMIT, []).append(act)


def _read_json(stored: str | bytes | float) -> Any:
    """Read a JSON column; SQLite returns a bare number as a number."""
    try:
        return stored if isinstance(stored, int | float) else orjson.loads(stored)
    except ValueError:
        return Unreadable(stored)


class _TimeLoader(Loader):
    """Reads ``timestamptz`` as psycopg does, but marks a time beyond Python's calendar: it raises none."""

    def load(self, data: Buffer) -> Any:
        """Read ISO 8601, in which the server sends times."""
        text = bytes(data).decode()
        try:
            return datetime.fromisoformat(text)
        except ValueError:  # infinity, BC, or a year of five digits
            return Unreadable(text)


def _configure_postgres(engine: Any, statement_timeout: float | None) -> None:
    """Set up each session in one round trip, and find out whether a pooler is in between.

    A pooler (PgBouncer, Odyssey, pgcat) has a connection id of its own, so the server's process id differs.
    Behind it, prepared statements may be another connection's, and settings that it does not track last for
    one transaction only. So none is prepared, and each transaction sets its own, in the message of its BEGIN.
    A pooler that hides this is noticed once it loses a statement, and new connections prepare none.
    """
    limits = {} if statement_timeout is None else {"statement_timeout": f"{statement_timeout * 1000:.0f}ms"}
    direct = limits if "options" in engine.url.query else {**_DIRECT, **limits}
    in_transaction = {_IDLE: _IDLE_LIMIT, **limits}
    begin_pooled = "; ".join(
        ["BEGIN", *(f"SET LOCAL {name} = '{value}'" for name, value in in_transaction.items())]
    )
    lost_statements = Event()

    @event.listens_for(engine, "handle_error")
    def _notice(context: ExceptionContext) -> None:
        if loses_statements(context.original_exception):
            lost_statements.set()
            context.is_disconnect = True

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, record: Any) -> None:
        driver = connection.driver_connection
        driver.adapters.register_loader("timestamptz", _TimeLoader)
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(_set_up(driver.info.backend_pid, direct))
        record.info[_POOLED] = not cursor.fetchone()[0]
        cursor.close()
        if record.info[_POOLED] or lost_statements.is_set():
            driver.prepare_threshold = None
        connection.autocommit = record.info[_POOLED]  # behind a pooler, _begin begins the transactions

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        if connection.info[_POOLED]:
            connection.exec_driver_sql(begin_pooled)


def _set_up(own_id: int, direct: Mapping[str, str]) -> str:
    """Return the statement that sets up a session; its first column says whether no pooler is in between."""
    is_direct = f"pg_backend_pid() = {own_id}"
    tracked = [f"set_config('{name}', '{value}', false)" for name, value in _SESSION.items()]
    own = [
        f"CASE WHEN {is_direct} THEN set_config('{name}', '{value}', false) END"
        for name, value in direct.items()
    ]
    return f"SELECT {', '.join([is_direct, *tracked, *own])}"


def _drop_stale_connections(context: ExceptionContext) -> None:
    """Replace all pooled connections after an error that each of them would meet."""
    if makes_connections_stale(context.original_exception):
        context.is_disconnect = True


def _configure_sqlite(engine: Any, statement_timeout: float | None) -> None:
    """Turn off pysqlite's own transaction handling, as SQLAlchemy's documentation advises."""
    if statement_timeout is not None:
        _end_slow_statements(engine, statement_timeout)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _end_slow_statements(engine: Any, seconds: float) -> None:
    """End statements of SQLite after so many seconds: its progress handler looks at the time."""

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, record: Any) -> None:
        def is_over() -> bool:
            deadline: float = record.info.get(_DEADLINE, math.inf)
            return time.monotonic() > deadline

        connection.run_async(lambda driver: driver.set_progress_handler(is_over, _STEPS))

    @event.listens_for(engine, "before_cursor_execute")
    def _begin_statement(connection: Any, *_: Any) -> None:
        connection.info[_DEADLINE] = time.monotonic() + seconds
