"""Transport failures: how a call can fail without a complete response, and whether it was sent."""

from enum import StrEnum

STALE_WITHIN = 1.0  #: seconds; a reused connection that breaks sooner was closed before the request was sent


class TransportFailure(StrEnum):
    """Failure of the network or of the HTTP client."""

    DNS_ERROR = "dns_error"  #: the host has no address: nothing was sent
    CONNECT_TIMEOUT = "connect_timeout"  #: nothing was sent
    CONNECT_ERROR = "connect_error"  #: refused, unreachable, TLS: nothing was sent
    WRITE_ERROR = "write_error"  #: the request was not sent completely
    STALE_CONNECTION = "stale_connection"  #: a reused connection was closed at once
    UNSENDABLE = "unsendable"  #: the URL or a header is invalid: nothing was sent
    READ_TIMEOUT = "read_timeout"  #: sent, and no response in time
    CONNECTION_RESET = "connection_reset"  #: sent, and then disconnected
    TOO_LARGE = "too_large"  #: the response exceeds the size limit
    UNREADABLE = "unreadable"  #: the content encoding of the response is invalid


#: name in the error catalog
ERROR_KIND_OF = {
    TransportFailure.DNS_ERROR: "connect_error",
    TransportFailure.CONNECT_TIMEOUT: "connect_error",
    TransportFailure.CONNECT_ERROR: "connect_error",
    TransportFailure.WRITE_ERROR: "write_error",
    TransportFailure.STALE_CONNECTION: "stale_connection",
    TransportFailure.UNSENDABLE: "unsendable",
    TransportFailure.READ_TIMEOUT: "timeout",
    TransportFailure.CONNECTION_RESET: "connection_lost",
    TransportFailure.TOO_LARGE: "protocol_error",
    TransportFailure.UNREADABLE: "protocol_error",
}
