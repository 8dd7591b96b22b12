"""Reads an answer while it arrives: one body or a stream, whichever it turns out to be."""

import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import orjson

from worker.upstream.handles import Handles
from worker.upstream.parsing.accumulator import AnswerAccumulator
from worker.upstream.parsing.answer import Answer, BodyInfo, assemble
from worker.upstream.parsing.base64_stream import (
    INLINE_LIMIT,
    Base64Extractor,
    Blobs,
    decode_placeholder,
    find_placeholders,
    merge_placeholders,
    replace_long_base64,
)
from worker.upstream.parsing.image import ResultImage
from worker.upstream.parsing.image_extraction import ImageKey, image_key
from worker.upstream.parsing.json_images import parse_image
from worker.upstream.parsing.progress import Percent
from worker.upstream.parsing.sse import Event, EventStreamParser
from worker.upstream.parsing.urls import canonical, unescape

_BOM = b"\xef\xbb\xbf"
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
_PICTURE = b"data:image/"  #: a picture as plain text, though it looks like an event's field
_LARGE = 256 * 1024  #: bytes of an event that is too long to be taken apart while others wait
_MOST_VALUES = 100_000  #: JSON values after each other in one text
_GAP = re.compile(r"[ \r\n\t,]*")
_COMMENTS = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*(?::[^\r\n]*\s*)*")  #: lines, and the gaps after them
_DECODER = json.JSONDecoder(strict=False)


class AnswerReader:
    """Reads an answer as it arrives; progress and handles are known before it ends.

    ``input_urls`` are the pictures and addresses of the request, which are never results. ``n`` is how many
    pictures were asked for. ``origin`` completes addresses that have no host. ``failed`` says that the HTTP
    status was an error, so that plain text is one too. Runs of base64 longer than ``long`` characters are
    decoded as they come, and only stand-ins for them are read.
    """

    def __init__(
        self,
        *,
        input_urls: tuple[str, ...] = (),
        n: int | None = None,
        origin: str | None = None,
        failed: bool = False,
        inline_limit: int = INLINE_LIMIT,
    ) -> None:
        self._input_urls = input_urls
        self._n, self._origin = n, origin
        self.failed = failed  #: the HTTP status was an error
        self.blobs: Blobs = {}  #: what stand-ins stand for
        self._inline_limit = inline_limit
        self._extractor = Base64Extractor(self.blobs, inline_limit=inline_limit, unescape=True)
        self._accumulator = AnswerAccumulator(
            self.blobs, inline_limit=inline_limit, inputs=self._linked_inputs
        )
        self._events: EventStreamParser | None = None
        self._raw = BytesIO()
        self._decided = False
        self._body = False  # it is no stream, and not empty
        self._head = b""
        self._later: list[Event] = []  # pictures, and what follows them: taken apart at the end
        self._heard = False
        self.done = False  #: the stream said that it is over
        self.data_feeds = 0  #: how many feeds brought more than comments

    def _linked_inputs(self) -> frozenset[ImageKey]:
        """Return what the addresses of the request stand for, without the pictures that were sent along."""
        web = tuple(each for each in self._input_urls if not each.startswith("data:"))
        return frozenset(_identities(web, inline_limit=self._inline_limit))

    @property
    def progress(self) -> list[Percent]:
        """The percentages reported so far, increasing."""
        return self._accumulator.progress

    @property
    def handles(self) -> Handles:
        """The handles seen so far."""
        return self._accumulator.handles

    @property
    def streaming(self) -> bool:
        """Whether the answer turned out to be an event stream."""
        return self._events is not None

    @property
    def raw(self) -> bytes:
        """The answer as it came so far, with stand-ins for its long runs of base64."""
        return self._raw.getvalue()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._read(self._extractor.feed(chunk))
        if self._extractor.cutting or (self._events is not None and self._events.in_data):
            self.data_feeds += bool(chunk)

    def _read(self, chunk: bytes) -> None:
        self._raw.write(chunk)
        if not self._decided:
            chunk = self._decide(self._head + chunk)
        if self._events is not None:
            self._read_events(self._events, chunk)
        elif self._decided and chunk:
            self._body = True
            self.data_feeds += 1

    def _decide(self, head: bytes, *, final: bool = False) -> bytes:
        """Tell by the first bytes whether this is a stream: content types lie."""
        head = head.lstrip().removeprefix(_BOM).lstrip()
        self._head = head
        if not final and any(
            known.startswith(head) and known != head for known in (*_FIELDS, _PICTURE, _BOM)
        ):
            return b""  # it may become a field, or only look like one
        self._decided = True
        if head.startswith(_FIELDS) and not head.startswith(_PICTURE):
            self._events = EventStreamParser()
        return head

    def _read_events(self, events: EventStreamParser, chunk: bytes, *, close: bool = False) -> None:
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
                self.data_feeds += 1
                if self._later or len(data) > _LARGE:
                    self._later.append(Event(event.name, data))
                else:
                    self._read_event(event.name, data)

    def _read_event(self, name: str, data: bytes) -> None:
        self._heard = True
        try:
            value = orjson.loads(data)
        except ValueError:
            value = _loose(data.decode(errors="replace"))
        if name == "error" and value is not None and not (isinstance(value, dict) and value.get("error")):
            value = {"error": value}
        self._accumulator.add(_as_message(value) if isinstance(value, str) else value)

    def close(self, *, complete: bool = True) -> Answer:
        """Return the answer. ``complete`` is false when the connection broke before its end."""
        self._read(self._extractor.close())
        if not self._decided:
            self._finish_head()
        if self._events is not None:
            self._read_events(self._events, b"", close=True)
            for event in self._later:
                self._read_event(*event)
            if self._heard or self.done or not (body := _behind_comments(self.raw)):
                return self._answer(complete=complete, readable=True)
            self._events, self._body = None, True
            return self._read_body(body, complete=complete)
        return self._read_body(self.raw, complete=complete)

    def _read_body(self, body: bytes, *, complete: bool) -> Answer:
        body = body.lstrip().removeprefix(_BOM).lstrip()
        if body[:1] in (b"{", b"["):
            return self._read_json(body, complete=complete)
        text = body.decode(errors="replace")
        if not self.failed and text.strip() and not _is_page(text):
            self._accumulator.add(_as_message(text))
        return self._answer(complete=complete, readable=True, page=text)

    def _finish_head(self) -> None:
        chunk = self._decide(self._head, final=True)
        if self._events is not None:
            self._read_events(self._events, chunk)
        else:
            self._body = bool(chunk)

    def _read_json(self, body: bytes, *, complete: bool) -> Answer:
        try:
            self._accumulator.add(orjson.loads(body))
            return self._answer(complete=complete, readable=True)
        except ValueError:
            text = body.decode(errors="replace")
        values = list(_values(text))
        for value in values:
            self._accumulator.add(value)
        if not values:  # cut off: whole pictures in it still count
            content = unescape(text.replace("\\n", "\n").replace('\\"', '"'))
            self._accumulator.add(_as_message(content))
        return self._answer(complete=complete and bool(values), readable=bool(values))

    def _answer(self, *, complete: bool, readable: bool, page: str = "") -> Answer:
        accumulator = self._accumulator
        reasons = [reason.lower() for reason in accumulator.finish_reasons]
        ended = complete and (not self.streaming or self.done or bool(reasons))
        whole = ended and not any(reason in ("length", "max_tokens") for reason in reasons)
        accumulator.close(complete=whole)
        ending = BodyInfo(
            whole=whole,
            streamed=self.streaming,
            incomplete_stream=self.streaming and not ended,
            readable=readable,
            empty=not self._heard and not accumulator.choices and not self._body,
            html=_is_page(page),
            page="" if accumulator.choices else page,
        )
        inputs = frozenset(_identities(self._input_urls, inline_limit=self._inline_limit))
        answer = assemble(accumulator, ending, inputs=inputs, n=self._n, origin=self._origin)
        return replace(answer, images=tuple(self._with_bytes(picture) for picture in answer.images))

    def _with_bytes(self, picture: ResultImage) -> ResultImage:
        if picture.data is None:
            return replace(picture, spare=self._spare(picture)) if picture.alternates else picture
        data = merge_placeholders(picture.data, self.blobs)
        return replace(picture, data=data, blob=decode_placeholder(data, self.blobs))

    def _spare(self, picture: ResultImage) -> bytes | None:
        """Return the bytes of an alternate that came inside the answer."""
        inside = next((each for each in picture.alternates if each.startswith("data:")), None)
        if inside is None:
            return None
        data = merge_placeholders(inside.partition(",")[2], self.blobs)
        return (
            binascii.a2b_base64(data)
            if data and not find_placeholders(data)
            else decode_placeholder(data, self.blobs)
        )


def read_answer(body: bytes, *, complete: bool = True, **options: Any) -> Answer:
    """Read a whole answer at once; the options are those of ``AnswerReader``."""
    reader = AnswerReader(**options)
    reader.feed(body)
    return reader.close(complete=complete)


def _identities(addresses: tuple[str, ...], *, inline_limit: int) -> Iterator[ImageKey]:
    for address in addresses:
        picture = parse_image(replace_long_base64(address, inline_limit=inline_limit))
        if picture is not None:
            yield image_key(picture)
            if picture.url is not None:
                yield canonical(unescape(picture.url))


def _as_message(text: str) -> dict[str, Any]:
    return {"choices": [{"message": {"content": text}}]}


def _values(text: str) -> Iterator[Any]:
    """Yield the JSON values that follow each other in a text, as far as they are whole."""
    position = 0
    for _ in range(_MOST_VALUES):
        gap = _GAP.match(text, position)
        position = gap.end() if gap else position
        if text[position : position + 1] not in ("{", "["):
            return
        try:
            value, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            return
        yield value


def _loose(text: str) -> Any:
    """Read an event that is not quite JSON, or plain text; one that was cut off says nothing."""
    return next(_values(text), None) if text.startswith(("{", "[")) else text


def _behind_comments(raw: bytes) -> bytes:
    """Return the body that follows comments which only kept the connection alive; empty if none does."""
    comments = _COMMENTS.match(raw)
    body = raw[comments.end() :] if comments else b""
    return body if body.startswith((b"{", b"[", b"<")) else b""


def _is_page(text: str) -> bool:
    return text[:1024].lstrip().lower().startswith(("<!doctype html", "<html"))
