"""Which errors of a database are worth waiting for."""

import sqlite3

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.errors import lookup
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from models.errors import DatabaseAway
from models.integrity.database_errors import is_transient, makes_connections_stale, translated_errors

# appendix A of PostgreSQL's documentation
WAITED_FOR = (
    *("08000", "08003", "08006", "08001", "08004", "08007", "08P01"),
    *("25006", "25P03", "40000", "40001", "40002", "40003", "40P01", "55P03", "57014", "58030"),
    *("26000", "42P05"),  # a prepared statement that a pooler lost, or gave to another connection
    *("53000", "53100", "53200", "53300", "53400", "57P01", "57P02", "57P03", "57P04", "57P05"),
)
WRONG = (
    *("0A000", "21000", "22001", "22003", "22007", "22008", "22021", "22P02", "22P05", "23502", "23503"),
    *("23505", "23514", "25001", "25P02", "42501", "42601", "42703", "42P01", "54000", "54001"),
    *("55006", "P0001", "XX000", "XX001", "XX002"),
)
STALE = ("25006", "57P01", "57P02", "57P03", "57P04", "57P05")


def wrapped(error: Exception) -> DBAPIError:
    """Return an error as SQLAlchemy wraps it."""
    found = DBAPIError.instance("SELECT 1", {}, error, psycopg.Error, dialect=None)
    assert isinstance(found, DBAPIError)
    return found


@pytest.mark.parametrize("state", WAITED_FOR)
def test_a_state_of_the_server_is_waited_for(state: str) -> None:
    assert is_transient(wrapped(lookup(state)("said")))


@pytest.mark.parametrize("state", WRONG)
def test_a_statement_that_will_fail_again_is_not_repeated(state: str) -> None:
    assert not is_transient(wrapped(lookup(state)("said")))


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=5, max_size=5))
def test_every_state_is_classified_by_the_list_and_not_by_its_python_class(state: str) -> None:
    error = OperationalError("SELECT 1", {}, type("Odd", (psycopg.OperationalError,), {"sqlstate": state})())
    by_class = state.startswith(("08", "40", "53", "57P0"))
    assert is_transient(error) == (by_class or state in WAITED_FOR or state == "25P04")
    assert makes_connections_stale(error.orig) == (state in STALE or state.startswith("57P0"))


@pytest.mark.parametrize(
    ("name", "transient"),
    [
        *((name, True) for name in ("BUSY", "LOCKED", "READONLY", "IOERR", "FULL", "CANTOPEN", "NOMEM")),
        *((name, False) for name in ("ERROR", "CONSTRAINT", "MISMATCH", "TOOBIG", "CORRUPT", "NOTADB")),
    ],
)
def test_a_result_code_of_sqlite_is_waited_for_if_it_may_change(name: str, transient: bool) -> None:
    error = sqlite3.OperationalError("said")
    for extended in (0, 1 << 8, 7 << 8):
        error.sqlite_errorcode = getattr(sqlite3, f"SQLITE_{name}") | extended  # type: ignore[misc]
        assert is_transient(OperationalError("SELECT 1", {}, error)) == transient


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("SELECT 1", {}, psycopg.OperationalError("connection refused")),
        InterfaceError("SELECT 1", {}, psycopg.InterfaceError("the connection is closed")),
        PoolTimeout(),
        ConnectionResetError(),
    ],
)
def test_a_connection_that_was_refused_or_lost_is_waited_for(error: Exception) -> None:
    with pytest.raises(DatabaseAway) as raised, translated_errors():
        raise error
    assert raised.value.__cause__ is error


def test_other_errors_are_left_as_they_are() -> None:
    with pytest.raises(KeyError), translated_errors():
        raise KeyError("a defect")
