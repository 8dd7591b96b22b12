"""Transport failures are recognised in free text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.upstream.diagnosis.observations import explained
from worker.upstream.diagnosis.transport_phrases import parse_transport_failure
from worker.upstream.transport_errors import TransportFailure

F = TransportFailure


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        *((failure.value, failure) for failure in F),
        ("getaddrinfo ENOTFOUND api.example.com", F.DNS_ERROR),
        ("Temporary failure in name resolution", F.DNS_ERROR),
        ("ConnectTimeout", F.CONNECT_TIMEOUT),
        ("net/http: TLS handshake timeout", F.CONNECT_TIMEOUT),
        ("timeout before sending", F.CONNECT_TIMEOUT),
        ("ECONNREFUSED", F.CONNECT_ERROR),
        ("host unreachable", F.CONNECT_ERROR),
        ("certificate verify failed", F.CONNECT_ERROR),
        ("reset before any byte was sent", F.CONNECT_ERROR),
        ("WriteTimeout", F.WRITE_ERROR),
        ("broken pipe", F.WRITE_ERROR),
        ("connection closed before the request was fully sent", F.WRITE_ERROR),
        ("server closed a reused keep-alive connection", F.STALE_CONNECTION),
        ("invalid URL", F.UNSENDABLE),
        ("ReadTimeout", F.READ_TIMEOUT),
        ("deadline exceeded", F.READ_TIMEOUT),
        ("timeout after the request was sent", F.READ_TIMEOUT),
        ("read: connection timed out", F.READ_TIMEOUT),
        ("connection closed before message completed", F.CONNECTION_RESET),
        ("reset by peer while reading", F.CONNECTION_RESET),
        ("SSL read error: unexpected EOF", F.CONNECTION_RESET),
        ("response exceeds the size limit", F.TOO_LARGE),
        ("gzip decode error", F.UNREADABLE),
    ],
)
def test_a_transport_failure_is_recognised_in_free_text(text: str, failure: TransportFailure) -> None:
    assert parse_transport_failure(text) is failure


@given(st.text(max_size=60))
def test_an_unknown_failure_is_never_taken_for_not_charged(text: str) -> None:
    document = explained(status=None, transport=f"qx {text}")
    assert document["outcome"] in ("ambiguous", "retry", "needs_human")
    assert explained(status=None, transport="gremlins")["outcome"] == "ambiguous"
    assert explained(status=None)["error_code"] == "connection_lost"
