"""Ways in which a call can fail without an answer."""

from enum import StrEnum

STALE_WITHIN = 1.0  #: seconds in which a reused connection that breaks was dead before we wrote


class TransportFailure(StrEnum):
    """What the network did; each value is the name of its ruling unless noted."""

    DNS_ERROR = "dns_error"  #: the host has no address: nothing was sent
    CONNECT_TIMEOUT = "connect_timeout"  #: nothing was sent
    CONNECT_ERROR = "connect_error"  #: refused, unreachable, TLS: nothing was sent
    WRITE_ERROR = "write_error"  #: the request did not get through whole
    STALE_CONNECTION = "stale_connection"  #: a reused connection was closed at once
    UNSENDABLE = "unsendable"  #: the address or a header can't be written: nothing was sent
    READ_TIMEOUT = "read_timeout"  #: sent, and no answer in time
    CONNECTION_RESET = "connection_reset"  #: sent, and then cut
    TOO_LARGE = "too_large"  #: the answer exceeds what we are willing to hold
    UNREADABLE = "unreadable"  #: the answer's encoding can't be undone


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
