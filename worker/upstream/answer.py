"""What a provider answered, as values: from one body or from a stream, whichever it turns out to be."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from worker.upstream.collector import Collector
from worker.upstream.echoes import strip_echoes
from worker.upstream.faults import Fault
from worker.upstream.images import Identity, combine, find_pictures, identity
from worker.upstream.pictures import Picture
from worker.upstream.progress import Percent
from worker.upstream.recover import Handles, generation_in
from worker.upstream.stream import EventReader
from worker.upstream.structured import picture_from
from worker.upstream.urls import canonical, unescape

_BOM = b"\xef\xbb\xbf"
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
_SNIFFED = 6  #: bytes that tell a stream from anything else
_DECODER = json.JSONDecoder(strict=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything an answer holds. ``text`` is verbatim; ``spoken`` is without prompt echoes and thinking."""

    images: tuple[Picture, ...] = ()
    videos: tuple[str, ...] = ()
    posters: tuple[str, ...] = ()
    text: str = ""
    spoken: str = ""
    thoughts: str = ""
    progress: tuple[Percent, ...] = ()
    task_id: str | None = None
    poll_url: str | None = None
    gen_ids: tuple[str, ...] = ()
    request_id: str | None = None
    finish_reasons: tuple[str, ...] = ()
    block_reason: str | None = None
    fault: Fault | None = None
    completion_tokens: int | None = None
    streamed: bool = False  #: it was an event stream
    incomplete_stream: bool = False  #: which ended without saying so
    readable: bool = True  #: false: it claimed to be JSON, and is not
    empty: bool = False  #: not one byte that means anything
    html: bool = False  #: a web page instead of an answer
    waiting: bool = False  #: a task was accepted, its result is not here
    partial: bool = False  #: fewer pictures than asked for
    relative: bool = False  #: a picture's address had no host of its own
    draft: bool = False  #: only drafts were sent; the last one is taken
    echoed: bool = False  #: an input picture was shown again

    @property
    def handles(self) -> Handles:
        """What can be used to recover the result, or to refer to it."""
        return Handles(self.task_id, self.poll_url, self.gen_ids)


class AnswerReader:
    """Reads an answer as it arrives; progress and handles are known before it ends.

    ``input_urls`` are the pictures and addresses of the request, which are never results. ``n`` is how many
    pictures were asked for. ``origin`` completes addresses that have no host. ``failed`` says that the HTTP
    status was an error, so that plain text is one too.
    """

    def __init__(
        self,
        *,
        input_urls: tuple[str, ...] = (),
        n: int | None = None,
        origin: str | None = None,
        failed: bool = False,
    ) -> None:
        self._inputs = frozenset(_identities(input_urls))
        self._n, self._origin = n, origin
        self.failed = failed  #: the HTTP status was an error
        self._collector = Collector()
        self._events: EventReader | None = None
        self._chunks: list[bytes] = []
        self._decided = False
        self._head = b""
        self._heard = False
        self.done = False  #: the stream said that it is over
        self.meaningful = 0  #: how many feeds brought more than comments

    @property
    def progress(self) -> list[Percent]:
        """The percentages reported so far, increasing."""
        return self._collector.progress

    @property
    def handles(self) -> Handles:
        """The handles seen so far."""
        return self._collector.handles

    @property
    def streaming(self) -> bool:
        """Whether the answer turned out to be an event stream."""
        return self._events is not None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        if not self._decided:
            chunk = self._decide(self._head + chunk)
        if self._events is not None:
            self._read_events(self._events, chunk)
        elif self._decided and chunk:
            self._chunks.append(chunk)
            self.meaningful += 1

    def _decide(self, head: bytes, *, final: bool = False) -> bytes:
        """Tell by the first bytes whether this is a stream: content types lie."""
        head = head.lstrip().removeprefix(_BOM).lstrip()
        self._head = head
        if len(head) < _SNIFFED and not final:
            return b""
        self._decided = True
        if head.startswith(_FIELDS):
            self._events = EventReader()
        return head

    def _read_events(self, events: EventReader, chunk: bytes, *, close: bool = False) -> None:
        found = events.feed(chunk)
        if close:
            found += events.close()
        for event in found:
            if self.done:
                return
            data = event.data.strip()
            if data == b"[DONE]":
                self.done = True
            elif data:
                self.meaningful += 1
                self._read_event(event.name, data)

    def _read_event(self, name: str, data: bytes) -> None:
        try:
            value = orjson.loads(data)
        except ValueError:
            value = _first(_values(data.decode(errors="replace")))
        if value is None:
            return
        self._heard = True
        if name == "error":
            value = {"error": value} if not isinstance(value, dict) or not value.get("error") else value
        self._collector.add(value)

    def close(self, *, complete: bool = True) -> Answer:
        """Return the answer. ``complete`` is false when the connection broke before its end."""
        if not self._decided:
            self._finish_head()
        if self._events is not None:
            self._read_events(self._events, b"", close=True)
            return self._answer(complete=complete, readable=True)
        body = b"".join(self._chunks)
        if body[:1] in (b"{", b"["):
            return self._read_json(body, complete=complete)
        if not self.failed:
            text = body.decode(errors="replace")
            if not _is_page(text):
                self._collector.add({"choices": [{"message": {"content": text}}]})
        return self._answer(complete=complete, readable=True, page=body)

    def _finish_head(self) -> None:
        chunk = self._decide(self._head, final=True)
        if self._events is not None:
            self._read_events(self._events, chunk)
        elif chunk:
            self._chunks.append(chunk)

    def _read_json(self, body: bytes, *, complete: bool) -> Answer:
        try:
            self._collector.add(orjson.loads(body))
            return self._answer(complete=complete, readable=True)
        except ValueError:
            text = body.decode(errors="replace")
        values = list(_values(text))
        for value in values:
            self._collector.add(value)
        if not values:  # cut off: whole pictures in it still count
            self._collector.add(
                {
                    "choices": [
                        {"message": {"content": unescape(text.replace("\\n", "\n").replace('\\"', '"'))}}
                    ]
                }
            )
        return self._answer(complete=complete and bool(values), readable=bool(values))

    def _answer(self, *, complete: bool, readable: bool, page: bytes = b"") -> Answer:
        collector = self._collector
        reasons = tuple(collector.finish_reasons)
        ended = complete and (not self.streaming or self.done or bool(reasons))
        whole = ended and not any(reason.lower() in ("length", "max_tokens") for reason in reasons)
        if self.streaming and not reasons:
            whole = whole and self.done
        collector.close(complete=whole)
        return _assemble(
            collector,
            inputs=self._inputs,
            n=self._n,
            origin=self._origin,
            whole=whole,
            streamed=self.streaming,
            incomplete_stream=self.streaming and not ended,
            readable=readable,
            empty=not self._heard and not collector.choices and not self._chunks,
            html=_is_page(page.decode(errors="replace")),
            page=page.decode(errors="replace") if page and not collector.choices else "",
        )


def read_answer(body: bytes, *, complete: bool = True, **options: Any) -> Answer:
    """Read a whole answer at once; the options are those of ``AnswerReader``."""
    reader = AnswerReader(**options)
    reader.feed(body)
    return reader.close(complete=complete)


def _assemble(
    collector: Collector,
    *,
    inputs: frozenset[Identity],
    n: int | None,
    origin: str | None,
    whole: bool,
    streamed: bool,
    incomplete_stream: bool,
    readable: bool,
    empty: bool,
    html: bool,
    page: str,
) -> Answer:
    texts = [choice.text for _, choice in sorted(collector.choices.items())]
    spoken = [strip_echoes(text) for text in texts]
    for piece in spoken:
        for value in piece.values:
            collector.add(value, depth=1)
    words = "\n".join(piece.text for piece in spoken)
    found = find_pictures(words, complete=whole, inputs=inputs)
    harvest = collector.harvest
    structured = [picture for picture in harvest.pictures if identity(picture) not in inputs]
    images = combine(structured, found.pictures)
    relative = not images and bool(found.relative)
    if relative:
        images = [Picture(url=(origin or "") + path) for path in dict.fromkeys(found.relative)]
    draft = not images and bool(harvest.drafts)
    videos = tuple(dict.fromkeys((*harvest.videos, *found.videos)))
    gen_ids = (known for label in found.labels if (known := generation_in(label)))
    handles = collector.handles
    return Answer(
        images=tuple(harvest.drafts[-1:] if draft and not videos else images),
        videos=videos,
        posters=tuple(found.posters),
        text="".join(texts) or page,
        spoken=words or page,
        thoughts="\n".join(piece.thoughts for piece in spoken),
        progress=tuple(collector.progress),
        task_id=handles.task_id,
        poll_url=handles.poll_url or found.poll_url,
        gen_ids=tuple(dict.fromkeys((*handles.gen_ids, *gen_ids))),
        request_id=collector.request_id or (collector.fault.request_id if collector.fault else None),
        finish_reasons=tuple(collector.finish_reasons),
        block_reason=collector.block_reason,
        fault=collector.fault,
        completion_tokens=collector.completion_tokens,
        streamed=streamed,
        incomplete_stream=incomplete_stream,
        readable=readable,
        empty=empty,
        html=html,
        waiting=collector.waiting,
        partial=bool(images) and n is not None and len(images) < n,
        relative=relative,
        draft=draft,
        echoed=found.echoed or len(structured) < len(harvest.pictures),
    )


def _identities(addresses: tuple[str, ...]) -> Iterator[Identity]:
    for address in addresses:
        picture = picture_from(address)
        if picture is not None:
            yield identity(picture)
            if picture.url is not None:
                yield canonical(unescape(picture.url))


def _values(text: str) -> Iterator[Any]:
    """Yield the JSON values that follow each other in a text, as far as they are whole."""
    position = 0
    while position < len(text):
        start = min((found for sign in "{[" if (found := text.find(sign, position)) >= 0), default=-1)
        if start < 0 or text[position:start].strip(" \r\n\t,"):
            return
        try:
            value, position = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            return
        yield value


def _first(values: Iterator[Any]) -> Any:
    return next(values, None)


def _is_page(text: str) -> bool:
    return text[:1024].lstrip().lower().startswith(("<!doctype html", "<html"))
