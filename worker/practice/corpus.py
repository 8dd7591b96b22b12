"""The answers seen in the wild that can be played: read once, found by their ids."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from typing import Any

import orjson

from worker.practice.images import rewrite_urls
from worker.practice.script import EVENTS, ConnectionEnd, Script, Step

_NEAR = 5  # ids that are named when another was meant


@dataclass(frozen=True, slots=True)
class CorpusCase:
    """One answer as it came over the wire, and what it means.

    ``status`` is ``None`` when no answer came; ``transport`` then says what the network did. ``expected`` has
    at least the ``outcome``, and the ``images`` as addresses.
    """

    id: str
    kind: str  #: response, sse, error or headers
    title: str
    status: int | None
    headers: Mapping[str, str]
    body: str
    transport: str | None
    request: Mapping[str, Any]  #: what the request had to say for the answer to make sense
    expected: Mapping[str, Any]

    @property
    def code(self) -> str | None:
        """The normalised error code; ``None`` on success."""
        return self.expected.get("error_code")

    @property
    def urls(self) -> tuple[str, ...]:
        """All that is to be fetched: pictures, their alternates, videos, posters."""
        expected = self.expected
        alternates = (url for urls in expected.get("alternates", {}).values() for url in urls)
        named = (*expected.get("images", ()), *alternates)
        named += (*expected.get("videos", ()), *expected.get("posters", ()))
        return tuple(address for address in named if not address.startswith("data:"))

    @property
    def task_ids(self) -> tuple[str, ...]:
        """The ids under which the answer's work can be asked about later."""
        poll_url = self.expected.get("poll_url")
        ids = (self.expected.get("task_id"), poll_url and str(poll_url).rsplit("/", 1)[-1])
        return tuple(dict.fromkeys(task for task in ids if task))


@lru_cache(maxsize=1)
def corpus() -> Mapping[str, CorpusCase]:
    """Return all cases by id, in the order of the files."""
    folder = files("worker.practice") / "cases"
    found: dict[str, CorpusCase] = {}
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".jsonl"):
            for line in file.read_text(encoding="utf-8").splitlines():
                case = _case(orjson.loads(line))
                found[case.id] = case
    return found


def _case(row: Mapping[str, Any]) -> CorpusCase:
    return CorpusCase(
        id=row["id"],
        kind=row["kind"],
        title=row["title"],
        status=row["status"],
        headers=row["headers"] or {},
        body=row["body"] or "",
        transport=row.get("transport"),
        request=row.get("request") or {},
        expected=row["expected"],
    )


def parse_case_id(value: str) -> str:
    """Return the id of a case as it is written in the corpus. Raises ``ValueError`` that names near ones."""
    known, typed = {each.lower(): each for each in corpus()}, value.strip().lower()
    if found := known.get(typed):
        return found
    begun = [each for each in known if typed and each.startswith(typed)]
    close = get_close_matches(typed, known, n=_NEAR, cutoff=0.5)
    near = [known[each] for each in dict.fromkeys((*begun, *close))][:_NEAR]
    hint = f"near it are {', '.join(near)}" if near else f"they go from {min(corpus())} to {max(corpus())}"
    raise ValueError(f"there is no case {value!r}; {hint}; `darkroom practice --list` shows all")


# Plays an answer seen in the wild: its status, its headers and its bytes, or the accident it met.

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
_ENDINGS: Mapping[str, ConnectionEnd] = {"read_timeout": "hang", "connection_reset": "reset"}


def case_script(case: CorpusCase, *, here: str | None, delay: float) -> Script:
    """Plan the answer of a case, ``delay`` seconds from now.

    With ``here``, our own address, all that the answer names for fetching is fetched from us.
    """
    fetches = case.urls or case.expected.get("poll_url") or case.request.get("input_urls")
    body = rewrite_urls(case.body, here) if here and fetches else case.body
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
