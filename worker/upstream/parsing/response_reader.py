"""Incremental parser of provider answers: bytes in, ``Answer`` out; one JSON body or a stream."""

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
from worker.upstream.parsing.answer import Answer, BodyInfo, build_answer
from worker.upstream.parsing.base64_images import sniff
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
from worker.upstream.parsing.json_images import is_draft, parse_image
from worker.upstream.parsing.sse import Event, EventStreamParser
from worker.upstream.parsing.urls import canonical, unescape

_BOM = b"\xef\xbb\xbf"
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
_DATA_URL = b"data:image/"  #: an image as plain text, which looks like the field of an event
_DEFER_FROM = 256 * 1024  #: bytes; longer events are parsed at the end, off the event loop
_MAX_VALUES = 100_000  #: JSON values in one text
SIGNATURE = 12  #: bytes that contain the signature of an image
_SIGNATURE_STARTS = (b"\x89", b"\xff", b"\0", b"G", b"R")
_BINARY = 1024  #: bytes of a body that are searched for a zero byte, which no text has
_PARTIAL = ".partial_image"  #: end of the type of an event that shows one
_MAX_PARTIALS = 4
_DONE = "[DONE]"  #: data of the last event of a stream
_GAP = re.compile(r"[ \r\n\t,]*")
_EVENT_GAP = re.compile(r"(?:[ \r\n\t,]|data:)*")
_COMMENTS = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*(?::[^\r\n]*\s*)*")  #: comment lines
_DECODER = json.JSONDecoder(strict=False)


class AnswerReader:
    """Incremental parser of one answer: JSON body or event stream; ``close`` returns the ``Answer``.

    Progress and handles are known before the answer ends. ``input_urls`` are the images and URLs of the
    request, which are never results. ``n`` is the number of images requested. ``origin`` completes URLs
    without a host. ``failed`` means an error status, with which plain text is an error too. Base64 longer
    than ``inline_limit`` characters is decoded as it arrives, and only placeholders for it are parsed.
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
        self.failed = failed  #: the HTTP status is an error
        self.location = ""  #: the header of that name: where an accepted task is polled
        self.blobs: Blobs = {}  #: bytes of the placeholders, by SHA-256
        self._inline_limit = inline_limit
        self._extractor = Base64Extractor(self.blobs, inline_limit=inline_limit, unescape=True)
        self._accumulator = AnswerAccumulator(
            self.blobs, inline_limit=inline_limit, inputs=self._input_url_keys if input_urls else frozenset
        )
        self.progress = self._accumulator.progress  #: percentages reported so far, increasing
        self._image = ImageBody()
        self._events: EventStreamParser | None = None
        self._raw = BytesIO()
        self._format_known = False
        self._has_body = False  # not a stream, and not empty
        self._head = b""
        self._deferred: list[Event] = []  # large events and all after them: parsed at the end
        self._has_events = False
        self.done = False  #: the stream has sent ``[DONE]``
        self.partials: list[bytes] = []  #: partial pictures of the images API, in their order
        self.data_feeds = 0  #: number of feeds with more than comments

    def _input_url_keys(self) -> frozenset[ImageKey]:
        """Return the image keys of the URLs in the request, without its ``data:`` URLs."""
        web = tuple(url for url in self._input_urls if not url.startswith("data:"))
        return frozenset(_image_keys(web, inline_limit=self._inline_limit))

    @property
    def handles(self) -> Handles:
        """Handles found so far."""
        return self._accumulator.scanner.handles

    @property
    def streaming(self) -> bool:
        """Whether the answer turned out to be an event stream."""
        return self._events is not None

    @property
    def raw(self) -> bytes:
        """Bytes received so far, with placeholders for long base64; of an image, its ``data:`` URL."""
        return self._raw.getvalue()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._read(self._extractor.feed(self._image.feed(chunk)))
        if self._extractor.extracting or (self._events is not None and self._events.in_data):
            self.data_feeds += bool(chunk)

    def _read(self, chunk: bytes) -> None:
        self._raw.write(chunk)
        if not self._format_known:
            chunk = self._detect_format(self._head + chunk)
        if self._events is not None:
            self._read_events(self._events, chunk)
        elif self._format_known and chunk:
            self._has_body = True
            self.data_feeds += 1

    def _detect_format(self, head: bytes, *, final: bool = False) -> bytes:
        """Detect an event stream by its first bytes, because content types are unreliable."""
        head = head.lstrip().removeprefix(_BOM).lstrip()
        self._head = head
        if not final and any(
            known.startswith(head) and known != head for known in (*_FIELDS, _DATA_URL, _BOM)
        ):
            return b""  # it may become a field of an event
        self._format_known = True
        if head.startswith(_FIELDS) and not head.startswith(_DATA_URL):
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
                if self._deferred or len(data) > _DEFER_FROM:
                    self._deferred.append(Event(event.name, data))
                else:
                    self._read_event(event.name, data)

    def _read_event(self, name: str, data: bytes) -> None:
        self._has_events = True
        for value in _event_values(data):
            if value == _DONE:
                self.done = True
                return
            if (
                name != "message"
                and isinstance(value, dict)
                and "type" not in value
                and is_draft({"type": name})
            ):
                value = {**value, "type": name}
            if name == "error" and value is not None and not (isinstance(value, dict) and value.get("error")):
                value = {"error": value}
            self._accumulator.add(_as_message(value) if isinstance(value, str) else value)
            if (partial := self._partial(value)) is not None:
                self.partials.append(partial)

    def _partial(self, value: object) -> bytes | None:
        """Return the picture of an event that shows a partial one."""
        if not isinstance(value, dict) or not str(value.get("type")).endswith(_PARTIAL):
            return None
        text = value.get("b64_json")
        if not isinstance(text, str) or len(self.partials) >= _MAX_PARTIALS:
            return None
        data = merge_placeholders(text, self.blobs)
        if (decoded := decode_placeholder(data, self.blobs)) is not None:
            return decoded
        try:
            return binascii.a2b_base64(data, strict_mode=True) or None
        except binascii.Error:
            return None

    def close(self, *, complete: bool = True) -> Answer:
        """Return the answer; ``complete`` is false if the connection broke before its end."""
        self._read(self._extractor.feed(self._image.close()) + self._extractor.close())
        if not self._format_known:
            self._close_head()
        if self._events is not None:
            self._read_events(self._events, b"", close=True)
            for event in self._deferred:
                self._read_event(*event)
            if self._has_events or self.done or not (body := _body_after_comments(self.raw)):
                return self._answer(complete=complete, readable=True)
            self._events, self._has_body = None, True
            return self._read_body(body, complete=complete)
        return self._read_body(self.raw, complete=complete)

    def _read_body(self, body: bytes, *, complete: bool) -> Answer:
        body = body.lstrip().removeprefix(_BOM).lstrip()
        if body[:1] in (b"{", b"["):
            return self._read_json(body, complete=complete)
        text = body.decode(errors="replace")
        if not self.failed and text.strip() and not _is_html(text):
            self._accumulator.add(_as_message(text))
        return self._answer(complete=complete, readable=b"\0" not in body[:_BINARY], page=text)

    def _close_head(self) -> None:
        chunk = self._detect_format(self._head, final=True)
        if self._events is not None:
            self._read_events(self._events, chunk)
        else:
            self._has_body = bool(chunk)

    def _read_json(self, body: bytes, *, complete: bool) -> Answer:
        try:
            self._accumulator.add(orjson.loads(body))
            return self._answer(complete=complete, readable=True)
        except ValueError:
            text = body.decode(errors="replace")
        values = list(_json_values(text))
        for value in values:
            self._accumulator.add(value)
        if not values:  # truncated: complete images in it still count
            content = unescape(text.replace("\\n", "\n").replace('\\"', '"'))
            self._accumulator.add(_as_message(content))
        return self._answer(complete=complete and bool(values), readable=bool(values))

    def _answer(self, *, complete: bool, readable: bool, page: str = "") -> Answer:
        accumulator = self._accumulator
        reasons = [reason.lower() for reason in accumulator.finish_reasons]
        ended = complete and (not self.streaming or self.done or bool(reasons))
        whole = ended and not any(reason in ("length", "max_tokens") for reason in reasons)
        accumulator.close(complete=whole)
        if self.location:
            accumulator.note_location(self.location, empty=not self._has_body and not self._has_events)
        info = BodyInfo(
            whole=whole,
            streamed=self.streaming,
            incomplete_stream=self.streaming and not ended,
            readable=readable,
            empty=not self._has_events and not accumulator.choices and not self._has_body,
            html=_is_html(page),
            page="" if accumulator.choices else page,
        )
        inputs = frozenset[ImageKey]()
        if self._input_urls:
            inputs = frozenset(_image_keys(self._input_urls, inline_limit=self._inline_limit))
        return build_answer(
            accumulator, info, inputs=inputs, n=self._n, origin=self._origin, decode=self._decode
        )

    def _decode(self, image: ResultImage) -> ResultImage:
        if image.data is None:
            return replace(image, spare=self._embedded_bytes(image)) if image.alternates else image
        data = merge_placeholders(image.data, self.blobs)
        return replace(image, data=data, blob=decode_placeholder(data, self.blobs))

    def _embedded_bytes(self, image: ResultImage) -> bytes | None:
        """Return the bytes of an alternate that is a ``data:`` URL."""
        inside = next((url for url in image.alternates if url.startswith("data:")), None)
        if inside is None:
            return None
        data = merge_placeholders(inside.partition(",")[2], self.blobs)
        return (
            binascii.a2b_base64(data)
            if data and not find_placeholders(data)
            else decode_placeholder(data, self.blobs)
        )


class ImageBody:
    """Turns a body that is itself an image into a ``data:`` URL while it arrives; others are left."""

    def __init__(self) -> None:
        self._known = False
        self._head = b""  # until it is known
        self._rest: bytes | None = None  # of an image: fewer bytes than base64 encodes at once

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes; return text or the body's own bytes."""
        if self._rest is not None:
            return self._encode(chunk)
        if self._known or not chunk:
            return chunk
        self._head += chunk
        if len(self._head) < SIGNATURE and self._head[:1] in _SIGNATURE_STARTS:
            return b""
        head, self._head, self._known = self._head, b"", True
        mime = sniff(head)
        if mime is None:
            return head
        self._rest = b""
        return f"data:{mime};base64,".encode() + self._encode(head)

    def close(self) -> bytes:
        """Take the end of the body."""
        return self._head + binascii.b2a_base64(self._rest or b"", newline=False)

    def _encode(self, chunk: bytes) -> bytes:
        data = (self._rest or b"") + chunk
        end = len(data) - len(data) % 3
        self._rest = data[end:]
        return binascii.b2a_base64(data[:end], newline=False)


def read_answer(body: bytes, *, complete: bool = True, **options: Any) -> Answer:
    """Parse a complete answer at once; the options are those of ``AnswerReader``."""
    reader = AnswerReader(**options)
    reader.feed(body)
    return reader.close(complete=complete)


def _image_keys(addresses: tuple[str, ...], *, inline_limit: int) -> Iterator[ImageKey]:
    for address in addresses:
        image = parse_image(replace_long_base64(address, inline_limit=inline_limit))
        if image is not None:
            yield image_key(image)
            if image.url is not None:
                yield canonical(unescape(image.url))


def _as_message(text: str) -> dict[str, Any]:
    return {"choices": [{"message": {"content": text}}]}


def _json_values(text: str) -> Iterator[Any]:
    """Yield the JSON values at the start of a text, until one is incomplete."""
    position = 0
    for _ in range(_MAX_VALUES):
        gap = _GAP.match(text, position)
        value, position = _next_value(text, gap.end() if gap else position)
        if position < 0:
            return
        yield value


def _next_value(text: str, position: int) -> tuple[Any, int]:
    """Return the JSON object or list at a position, and its end; -1 if there is none that is complete."""
    if text[position : position + 1] not in ("{", "["):
        return None, -1
    try:
        return _DECODER.raw_decode(text, position)
    except (ValueError, RecursionError):
        return None, -1


def _event_values(data: bytes) -> Iterator[Any]:
    """Yield the values of one event: usually one JSON value.

    Others: JSON that was split over lines, several values without an empty line between them, an event within
    an event, plain text; of truncated JSON nothing.
    """
    for candidate in (data, data.replace(b"\n", b"") if b"\n" in data else b""):
        try:
            yield orjson.loads(candidate)
        except ValueError:
            continue
        return
    text = data.decode(errors="replace")
    if not text.startswith(("{", "[", "data:")):
        yield text
        return
    position = 0
    for _ in range(_MAX_VALUES):
        gap = _EVENT_GAP.match(text, position)
        position = gap.end() if gap else position
        if text.startswith(_DONE, position):
            yield _DONE
            return
        value, position = _next_value(text, position)
        if position < 0:
            return
        yield value


def _body_after_comments(raw: bytes) -> bytes:
    """Return the body after keep-alive comments; empty if there is none."""
    comments = _COMMENTS.match(raw)
    body = raw[comments.end() :] if comments else b""
    return body if body.startswith((b"{", b"[", b"<")) else b""


def _is_html(text: str) -> bool:
    return text[:1024].lstrip().lower().startswith(("<!doctype html", "<html"))
