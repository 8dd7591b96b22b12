"""Recorded responses of real providers (cases), found by id, and their replay as scripts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from typing import Any

import orjson

from worker.practice.images import rewrite_urls
from worker.practice.script import EVENTS, ConnectionEnd, Script, Step

_SUGGESTIONS = 5  # similar ids that the error for an unknown one names


@dataclass(frozen=True, slots=True)
class CorpusCase:
    """One recorded response, and its expected result.

    ``status`` is ``None`` if there was no response; ``transport`` is the network error. ``expected`` has at
    least the ``outcome`` and the URLs of the ``images``.
    """

    id: str
    kind: str  #: response, sse, error or headers
    title: str
    status: int | None
    headers: Mapping[str, str]
    body: str
    transport: str | None
    request: Mapping[str, Any]  #: members of the request that the response depends on
    expected: Mapping[str, Any]

    @property
    def code(self) -> str | None:
        """The normalised error code; ``None`` on success."""
        return self.expected.get("error_code")

    @property
    def urls(self) -> tuple[str, ...]:
        """URLs to fetch: images, their alternates, videos, posters."""
        expected = self.expected
        alternates = (url for urls in expected.get("alternates", {}).values() for url in urls)
        named = (*expected.get("images", ()), *alternates)
        named += (*expected.get("videos", ()), *expected.get("posters", ()))
        return tuple(address for address in named if not address.startswith("data:"))

    @property
    def task_ids(self) -> tuple[str, ...]:
        """Ids of the asynchronous tasks that the response names."""
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
    """Return the id of a case as spelled in the corpus. Raises ``ValueError`` with similar ids."""
    known, typed = {each.lower(): each for each in corpus()}, value.strip().lower()
    if found := known.get(typed):
        return found
    begun = [each for each in known if typed and each.startswith(typed)]
    close = get_close_matches(typed, known, n=_SUGGESTIONS, cutoff=0.5)
    near = [known[each] for each in dict.fromkeys((*begun, *close))][:_SUGGESTIONS]
    hint = f"near it are {', '.join(near)}" if near else f"they go from {min(corpus())} to {max(corpus())}"
    raise ValueError(f"there is no case {value!r}; {hint}; `darkroom practice --list` shows all")


# Replay

_CHUNKS = 8  # of an event stream; they split events and characters
_PAUSE = 0.01  # seconds between them
_RESET_DELAY = 1.5  # seconds before a connection reset
_MISSING = 1024  # bytes that are declared and not sent when a body is cut

#: Headers about the connection or the encoding of the recorded bytes.
_CONNECTION_HEADERS = frozenset(
    (
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
        "content-length", "content-encoding",
    )
)  # fmt: skip

#: End of the connection by network error; all others close it without a response.
_CONNECTION_ENDS: Mapping[str, ConnectionEnd] = {"read_timeout": "hang", "connection_reset": "reset"}


def case_script(case: CorpusCase, *, base_url: str | None, delay: float) -> Script:
    """Plan the response of a case, after ``delay`` seconds.

    With ``base_url``, the URLs of the response are rewritten to this server.
    """
    fetches = case.urls or case.expected.get("poll_url") or case.request.get("input_urls")
    body = rewrite_urls(case.body, base_url) if base_url and fetches else case.body
    headers = {k: v for k, v in case.headers.items() if k.lower() not in _CONNECTION_HEADERS}
    kind = next((v for k, v in headers.items() if k.lower() == "content-type"), "").partition(";")[0].strip()
    streams = kind == EVENTS
    steps = tuple(_chunks(body.encode(), delay, _CHUNKS if streams else 1))
    status = 200 if case.status is None else case.status
    if case.transport is None:
        return Script(steps or (Step(delay, b""),), status, kind, headers)
    end = _CONNECTION_ENDS.get(case.transport, "drop")
    content_length = None if streams or not steps else len(body.encode()) + _MISSING
    pause = delay + _RESET_DELAY if end == "reset" else delay
    return Script(steps, status, kind, headers, end, content_length, 0.0 if steps else pause)


def _chunks(body: bytes, delay: float, count: int) -> Iterator[Step]:
    size = max(-(-len(body) // count), 1)
    for start in range(0, len(body), size):
        yield Step(_PAUSE if start else delay, body[start : start + size])
