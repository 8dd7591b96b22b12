"""Exceptions of the session show whether anything was sent."""

import errno

import aiohttp
import pytest

from worker.upstream.transport.connection import ConnectionTrace, failure_of
from worker.upstream.transport_errors import STALE_WITHIN, TransportFailure

SENT = ConnectionTrace(traced=True, sent=True)
REUSED = ConnectionTrace(traced=True, sent=True, reused=True)


@pytest.mark.parametrize(
    ("error", "trace", "failure"),
    [
        (aiohttp.ConnectionTimeoutError(), ConnectionTrace(), TransportFailure.CONNECT_TIMEOUT),
        (aiohttp.InvalidURL("x"), ConnectionTrace(), TransportFailure.UNSENDABLE),
        (RuntimeError("the session is closed"), ConnectionTrace(), TransportFailure.CONNECTION_RESET),
        (aiohttp.ServerDisconnectedError(), ConnectionTrace(traced=True), TransportFailure.CONNECT_ERROR),
        (aiohttp.ClientOSError("Can not write request body"), SENT, TransportFailure.WRITE_ERROR),
        (TimeoutError(), SENT, TransportFailure.READ_TIMEOUT),
        (aiohttp.ServerDisconnectedError(), SENT, TransportFailure.CONNECTION_RESET),
        (aiohttp.ServerDisconnectedError(), REUSED, TransportFailure.STALE_CONNECTION),
        (ConnectionResetError(errno.ECONNRESET, "reset"), REUSED, TransportFailure.STALE_CONNECTION),
        (OSError(errno.EIO, "broken"), REUSED, TransportFailure.CONNECTION_RESET),
        (aiohttp.ClientPayloadError("cut"), REUSED, TransportFailure.CONNECTION_RESET),
    ],
)
def test_a_transport_error_is_classified_by_its_kind(
    error: Exception, trace: ConnectionTrace, failure: TransportFailure
) -> None:
    assert failure_of(error, trace, 0.0) is failure


def test_a_reused_connection_that_lasted_was_not_stale() -> None:
    error = aiohttp.ServerDisconnectedError()
    assert failure_of(error, REUSED, STALE_WITHIN) is TransportFailure.CONNECTION_RESET
