"""Server-sent events: incremental parser by the WHATWG EventSource specification."""

from typing import NamedTuple

import orjson

_BOM = b"\xef\xbb\xbf"
_FIELDS = frozenset({b"data", b"event", b"id", b"retry"})
_MAX_CHECKS = 16  #: of one event with several lines: is it complete JSON already?


class Event(NamedTuple):
    """One event: its name (default ``message``) and its ``data`` lines, joined."""

    name: str
    data: bytes


class EventStreamParser:
    """Incremental parser of an event stream; how the bytes are split into chunks makes no difference.

    Lines end in LF, CR or CRLF and may be of any length: every byte is scanned once. Beyond the
    specification, complete JSON ends an event where the next one begins without an empty line between them,
    and a line without a field name continues the data.
    """

    def __init__(self) -> None:
        self._chunks: list[bytes] = []  # of the incomplete line
        self._data: list[bytes] = []
        self._name = ""
        self._after_cr = False
        self._first_line = True
        self._checks = 0  # of the current event

    @property
    def in_data(self) -> bool:
        """Whether an incomplete ``data`` line has begun; a comment is not data."""
        return b"".join(self._chunks[:5]).startswith(b"data:")

    def feed(self, chunk: bytes) -> list[Event]:
        """Take the next bytes; return the events that they complete."""
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk.startswith(b"\n"):
                chunk = chunk[1:]
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in chunk:
            if chunk:
                self._chunks.append(chunk)
            return []
        return self._read_lines(chunk)

    def close(self) -> list[Event]:
        """Take the end of the stream; return the event that it completes, if any.

        The specification drops that event, but too many providers forget the last empty line.
        """
        events = self._read_lines(b"\n\n")
        self._after_cr = False
        return events

    def _read_lines(self, chunk: bytes) -> list[Event]:
        lines = chunk.split(b"\n")
        if self._chunks:
            self._chunks.append(lines[0])
            lines[0] = b"".join(self._chunks)
        rest = lines.pop()
        self._chunks = [rest] if rest else []
        if self._first_line:
            self._first_line = False
            lines[0] = lines[0].removeprefix(_BOM)
        events: list[Event] = []
        for line in lines:
            if line:
                if self._data and self._ends_before(line):
                    events.append(self._dispatch())
                self._read_field(line)
            elif self._data:
                events.append(self._dispatch())
            else:
                self._name = ""
        return events

    def _read_field(self, line: bytes) -> None:
        if line.startswith(b"data:"):  # the common case, without copying megabytes twice
            self._data.append(line[6:] if line[5:6] == b" " else line[5:])
            return
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._name = value.removeprefix(b" ").decode(errors="replace")
        elif name and name not in _FIELDS and (self._data or line.startswith(b"{")):
            self._data.append(line)

    def _ends_before(self, line: bytes) -> bool:
        """Return whether the data so far is a whole event, and ``line`` begins the next one."""
        last = self._data[-1].rstrip()
        if last == b"[DONE]":
            return line.startswith((b"data:", b"event:"))
        if not last.endswith((b"}", b"]")):
            return False
        begins = line.startswith((b"event:", b"{")) or line[5:].lstrip().startswith((b"{", b"[", b"data:"))
        if not begins or line.startswith(b":") or self._checks >= _MAX_CHECKS:
            return False
        self._checks += len(self._data) > 1  # one line is parsed once: linear without a bound
        return is_json(b"\n".join(self._data)) or (len(self._data) > 1 and is_json(b"".join(self._data)))

    def _dispatch(self) -> Event:
        event = Event(
            self._name or "message", b"\n".join(self._data) if len(self._data) > 1 else self._data[0]
        )
        self._data, self._name, self._checks = [], "", 0
        return event


def is_json(data: bytes) -> bool:
    """Return whether the bytes are one complete JSON value."""
    try:
        orjson.loads(data)
    except ValueError:
        return False
    return True
