"""Plays an answer seen in the wild: its status, its headers and its bytes, or the accident it met."""

from collections.abc import Iterator, Mapping

from worker.practice.corpus import CorpusCase
from worker.practice.elsewhere import brought_here
from worker.practice.script import EVENTS, Ending, Script, Step

_PIECES = 8  # of an event stream; their borders respect neither events nor characters
_PAUSE = 0.01  # seconds between them
_WORKING = 1.5  # seconds for which a request that will be reset seems to be worked on
_MISSING = 1024  # bytes that are announced and never come when a body is cut

#: Headers that speak of one connection, or of the form in which the bytes were carried.
_OF_THE_CONNECTION = frozenset(
    (
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
        "content-length", "content-encoding",
    )
)  # fmt: skip

#: What the network does; all else is played as a connection that is closed without a word.
_ENDINGS: Mapping[str, Ending] = {"read_timeout": "hang", "connection_reset": "reset"}


def case_script(case: CorpusCase, *, here: str | None, delay: float) -> Script:
    """Plan the answer of a case, ``delay`` seconds from now.

    With ``here``, our own address, all that the answer names for fetching is fetched from us.
    """
    fetches = case.addresses or case.expected.get("poll_url") or case.request.get("input_urls")
    body = brought_here(case.body, here) if here and fetches else case.body
    headers = {k: v for k, v in case.headers.items() if k.lower() not in _OF_THE_CONNECTION}
    kind = next((v for k, v in headers.items() if k.lower() == "content-type"), "").partition(";")[0].strip()
    streams = kind == EVENTS
    steps = tuple(_pieces(body.encode(), delay, _PIECES if streams else 1))
    status = 200 if case.status is None else case.status
    if case.transport is None:
        return Script(steps or (Step(delay, b""),), status, kind, headers)
    ending = _ENDINGS.get(case.transport, "drop")
    length = None if streams or not steps else len(body.encode()) + _MISSING
    pause = delay + _WORKING if ending == "reset" else delay
    return Script(steps, status, kind, headers, ending, length, 0.0 if steps else pause)


def _pieces(body: bytes, delay: float, count: int) -> Iterator[Step]:
    size = max(-(-len(body) // count), 1)
    for start in range(0, len(body), size):
        yield Step(_PAUSE if start else delay, body[start : start + size])
