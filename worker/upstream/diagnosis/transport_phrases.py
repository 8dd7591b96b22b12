"""Transport failures in other programs' words: exception names and sentences to ``TransportFailure``."""

import re

from worker.upstream.transport_errors import TransportFailure

_Table = tuple[tuple[re.Pattern[str], TransportFailure], ...]

_FAILURE_NAMES = frozenset(failure.value for failure in TransportFailure)
_CAMEL_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])")
_GAP = re.compile(r"[\W_]+")
_MAX_TEXT = 500  #: characters; the failure is named at the start

_LATE = r"time ?d? ?out|deadline|too slow|etimedout"
_TIMED_OUT = re.compile(_LATE)
_SENDING = r"(?:sen[dt]|sending|writ(?:e|ing|ten)|request|upload(?:ed|ing)?)"
_ANSWER = r"(?:response|answer|reply|headers?|message|stream)"
_PARTLY_SENT = re.compile(
    rf"\bbefore (?:\w+ )*?(?:request|upload)\w* (?:\w+ )*?(?:complete|finish|fully|done|end)"
    rf"|\bbefore (?:\w+ )*?(?:fully|completely|entirely) {_SENDING}"
)
_UNSENT = re.compile(
    r"\b(?:not|never|nothing|no bytes?) (?:was |were |been |yet )*(?:sent|written)\b|\bunsent\b"
    rf"|\bbefore (?!(?:\w+ ){{0,4}}{_ANSWER}\b)(?:\w+ ){{0,3}}{_SENDING}\b"
)
_SENT = re.compile(
    rf"\bafter (?:\w+ )*?{_SENDING}\b|\b(?:read|reading|recv|receiv\w+|awaiting|waiting for)\b"
)

_PHRASES: _Table = tuple(
    (re.compile("|".join(patterns)), failure)
    for failure, *patterns in (
        (
            TransportFailure.DNS_ERROR,
            r"\bdns|name resolution|name or service|resolv|getaddrinfo|enotfound|eai |nodename|unknown ?host",
        ),
        (TransportFailure.STALE_CONNECTION, r"\bstale|keep ?alive|\breused?\b|\bidle connection"),
        (
            TransportFailure.CONNECT_TIMEOUT,
            rf"(?:connect(?:ing|ion)?|pool|handshake|tls|ssl) (?:\w+ )?(?:{_LATE})",
            rf"(?:{_LATE}) (?:while |when |during |on |in |to )*(?:connect|handshake|tls|ssl|open|establish)",
        ),
        (
            TransportFailure.CONNECT_ERROR,
            r"refused|unreach|no route|certificate|handshake|proxy (?:error|auth|connect)|\bdial\b",
            r"\b(?:tls|ssl)\b(?!.*\b(?:eof|closed?|reset|shut ?down)\b)",
            r"(?:not|n t|cannot|unable to|fail(?:ed|ure)? (?:to|in)|error) (?:connect|establish)",
            r"\bconnect (?:error|fail)|connector error|connect$|local ?protocol",
        ),
        (
            TransportFailure.WRITE_ERROR,
            r"\bwrit|upload|epipe|broken pipe|\bsend(?:ing)? (?:the )?(?:request|body|error|fail|time)",
            r"\b(?:while|when|during|error|fail\w*|not) (?:\w+ )?(?:send|sending|sent)\b",
        ),
        (
            TransportFailure.UNSENDABLE,
            r"unsendable|(?:invalid|bad|malformed|missing) (?:url|address|scheme)|unsupported protocol",
        ),
        (TransportFailure.READ_TIMEOUT, _LATE),
        (TransportFailure.TOO_LARGE, r"too (?:large|big|long)|oversize|exceed\w* .*(?:size|limit|bytes)"),
        (TransportFailure.UNREADABLE, r"decod|unreadable|gzip|brotli|zlib|content encoding|corrupt"),
    )
)


def parse_transport_failure(text: str) -> TransportFailure:
    """Return the failure that ``text`` means: one of our names, the name of an exception, or a sentence.

    Unknown text counts as a connection lost after the request was sent, so that a call that may be charged
    is not sent again.
    """
    phrase = _GAP.sub(" ", _CAMEL_CASE.sub(" ", text[:_MAX_TEXT])).strip().lower()
    name = phrase.replace(" ", "_")
    if name in _FAILURE_NAMES:
        return TransportFailure(name)
    return _failure_by_time(phrase) or _first_match(_PHRASES, phrase) or TransportFailure.CONNECTION_RESET


def _failure_by_time(text: str) -> TransportFailure | None:
    """Return the failure by the time it happened, if the text says so; that outranks its kind."""
    slow = _TIMED_OUT.search(text) is not None
    if _PARTLY_SENT.search(text):
        return TransportFailure.WRITE_ERROR
    if _UNSENT.search(text):
        return TransportFailure.CONNECT_TIMEOUT if slow else TransportFailure.CONNECT_ERROR
    if _SENT.search(text):
        return TransportFailure.READ_TIMEOUT if slow else TransportFailure.CONNECTION_RESET
    return None


def _first_match(table: _Table, text: str) -> TransportFailure | None:
    return next((failure for pattern, failure in table if pattern.search(text)), None)
