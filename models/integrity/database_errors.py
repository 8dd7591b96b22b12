"""Classify errors of the database drivers: is it worth waiting, or will the same statement fail again?

By SQLSTATE (PostgreSQL documentation, appendix A), and by SQLite's result code (sqlite.org/rescode.html).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models.errors import DatabaseAway, QueryTooSlow

_CANCELLED = "57014"  # query_canceled: by a person or statement_timeout
_READ_ONLY = "25006"  # read_only_sql_transaction: the server has become a standby
_LOST_STATEMENTS = ("26000", "42P05")  # unknown or duplicate prepared statement: a pooler changed the server
_TRANSIENT_STATES = (
    *_LOST_STATEMENTS,
    "08",  # connection exceptions
    "25P03",  # idle_in_transaction_session_timeout: this process was frozen
    "25P04",  # transaction_timeout
    _READ_ONLY,
    "40",  # serialization failure, deadlock
    "53",  # disk full, out of memory, too many connections
    "55P03",  # lock_not_available
    _CANCELLED,
    "57P0",  # shutdown, crash, start-up
    "58030",  # io_error
)
_STALE_STATES = (_READ_ONLY, "57P0")
_READ_ONLY_FILE = 8  # SQLITE_READONLY
_INTERRUPTED = 9  # SQLITE_INTERRUPT
_TRANSIENT_CODES = frozenset(
    {
        5,
        6,
        7,
        _READ_ONLY_FILE,
        _INTERRUPTED,
        10,
        13,
        14,
        15,
    }  # BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL, …
)


def is_transient(error: BaseException) -> bool:
    """Return whether the same statement may work later, on a new connection."""
    if isinstance(error, PoolTimeout | OSError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if (state := _sqlstate(error.orig)) is not None:
        return state.startswith(_TRANSIENT_STATES)
    if (code := _sqlite_code(error.orig)) is not None:
        return code in _TRANSIENT_CODES
    # the server did not say anything: the connection was refused or lost
    return isinstance(error, OperationalError | InterfaceError)


def makes_connections_stale(error: BaseException | None) -> bool:
    """Return whether all open connections lead to a server or file that no longer takes writes."""
    state = _sqlstate(error)
    return _sqlite_code(error) == _READ_ONLY_FILE if state is None else state.startswith(_STALE_STATES)


def loses_statements(error: BaseException | None) -> bool:
    """Return whether a pooler gave the connection to a server that has not its prepared statements."""
    return _sqlstate(error) in _LOST_STATEMENTS


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise ``DatabaseAway`` for the errors that are worth waiting for; leave all others as they are.

    Raise ``QueryTooSlow``, which is one, for a statement that was ended.
    """
    try:
        yield
    except Exception as error:
        if not is_transient(error):
            raise
        cause = getattr(error, "orig", None)
        is_ended = _sqlstate(cause) == _CANCELLED or _sqlite_code(cause) == _INTERRUPTED
        raise (QueryTooSlow if is_ended else DatabaseAway)(str(cause or error)) from error


def _sqlstate(error: BaseException | None) -> str | None:
    state: str | None = getattr(error, "sqlstate", None)
    return state


def _sqlite_code(error: BaseException | None) -> int | None:
    """Return the primary result code, which is the low byte of an extended one."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF
