"""Event streams: bytes in, events out, by the rules of the EventSource specification."""

from typing import NamedTuple

_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event: its name (``message`` unless given) and its ``data`` lines, joined."""

    name: str
    data: bytes


class EventStreamParser:
    """Cuts a stream of bytes into events; how the bytes were split makes no difference.

    Lines may end in LF, CR or CRLF and be of any length: every byte is looked at once.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []  # of the line that is not complete yet
        self._data: list[bytes] = []
        self._name = ""
        self._after_cr = False
        self._first_line = True

    @property
    def in_data(self) -> bool:
        """Whether a line of data has begun that is not complete yet; a comment is no data."""
        return b"".join(self._pieces[:5]).startswith(b"data:")

    def feed(self, chunk: bytes) -> list[Event]:
        """Take the next bytes and return the events that they complete."""
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk.startswith(b"\n"):
                chunk = chunk[1:]
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in chunk:
            if chunk:
                self._pieces.append(chunk)
            return []
        return self._read_lines(chunk)

    def close(self) -> list[Event]:
        """Return the event that the end of the stream completes, if any.

        The specification drops it; providers that forget the last empty line are too many for that.
        """
        events = self._read_lines(b"\n\n")
        self._after_cr = False
        return events

    def _read_lines(self, chunk: bytes) -> list[Event]:
        lines = chunk.split(b"\n")
        if self._pieces:
            self._pieces.append(lines[0])
            lines[0] = b"".join(self._pieces)
        rest = lines.pop()
        self._pieces = [rest] if rest else []
        if self._first_line:
            self._first_line = False
            lines[0] = lines[0].removeprefix(_BOM)
        events: list[Event] = []
        for line in lines:
            if line:
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

    def _dispatch(self) -> Event:
        event = Event(
            self._name or "message", b"\n".join(self._data) if len(self._data) > 1 else self._data[0]
        )
        self._data, self._name = [], ""
        return event
