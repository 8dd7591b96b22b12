"""What servers of brokers answer, in words."""

import pytest
from redis.exceptions import NoPermissionError, OutOfMemoryError, ReadOnlyError, ResponseError

from worker.broker.broker_errors import UNKNOWN, explain_broker_error, meaning_of_broker_error


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), "its memory is full"),
        (ReadOnlyError("You can't write against a read only replica."), "it is a replica"),
        (NoPermissionError("No permissions to access a key"), "its ACL denies this user"),
        (ResponseError("MISCONF Redis is configured to save RDB snapshots"), "can't save its snapshot"),
        (ResponseError("MOVED 3999 127.0.0.1:6381"), "it is a Redis Cluster"),
        (ResponseError("unknown command 'SADD', with args beginning with"), "this is a Sentinel"),
        (OSError("Connection.open: (530) NOT_ALLOWED - vhost x not found"), "its vhost does not exist"),
        (OSError("(0, 0): (403) ACCESS_REFUSED - Login was refused"), "it refuses user name or password"),
    ],
)
def test_an_answer_is_explained_with_the_words_of_the_server(error: Exception, meaning: str) -> None:
    explained = explain_broker_error(error)
    assert meaning in explained
    assert str(error)[:30] in explained


def test_the_meaning_may_be_in_the_cause() -> None:
    error = RuntimeError("the pool gave up")
    error.__cause__ = ReadOnlyError("read only")
    assert explain_broker_error(error).startswith("it is a replica")


@pytest.mark.parametrize(("error", "words"), [(OSError(), "OSError"), (OSError("refused\nmore"), "refused")])
def test_other_errors_are_one_line(error: Exception, words: str) -> None:
    assert explain_broker_error(error) == words


def test_the_meaning_alone_has_no_words_of_the_server() -> None:
    refused = OSError("(0, 0): (403) ACCESS_REFUSED - Login was refused at 10.0.0.5")
    assert meaning_of_broker_error(refused) == "it refuses user name or password"
    assert meaning_of_broker_error(OSError("Error 111 connecting to 10.0.0.5:6379")) == UNKNOWN
