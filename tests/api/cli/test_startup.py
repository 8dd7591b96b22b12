"""Which words of a database mean that it may answer later."""

import pytest

from api.cli.startup import is_unavailable

REFUSED = 'connection failed: connection to server at "::1", port 5432 failed: Connection refused'
AWAY = [
    REFUSED,
    "connection timeout expired",
    'connection failed: connection to server at "10.0.0.9", port 5432 failed: Operation timed out',
    "failed to resolve host 'postgres': [Errno -2] Name or service not known",
    'connection to server on socket "/run/.s.PGSQL.5432" failed: No such file or directory',
    "connection failed: FATAL:  the database system is starting up",
    "connection failed: FATAL:  the database system is not yet accepting connections",
    "connection failed: FATAL:  sorry, too many clients already",
    "consuming input failed: server closed the connection unexpectedly",
]
SAYS_NO = [
    'connection failed: FATAL:  password authentication failed for user "darkroom"',
    'connection failed: FATAL:  database "dark" does not exist',
    f'multiple connection attempts failed: {REFUSED}; FATAL:  role "x" does not exist',
    "fe_sendauth: no password supplied",
    "server does not support SSL, but SSL was required",
    'relation "alembic_version" is damaged',
]


@pytest.mark.parametrize("words", AWAY)
def test_a_database_that_does_not_answer_may_do_so_later(words: str) -> None:
    assert is_unavailable(words)


@pytest.mark.parametrize("words", SAYS_NO)
def test_a_database_that_says_no_will_say_so_again(words: str) -> None:
    assert not is_unavailable(words)
