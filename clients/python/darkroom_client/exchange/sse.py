"""Parser of server-sent events (WHATWG HTML, section 9.2), fed with bytes as they come."""

from dataclasses import dataclass

from darkroom_client.errors import InvalidResponse

_LONGEST = 4 * 2**20  # bytes of one event


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event. ``last_id`` is that of the latest event that had an id."""

    data: str
    last_id: str


class EventParser:
    """Turns bytes into events; lines end with LF, CR or both."""

    def __init__(self, last_id: str = "") -> None:
        self._buffer = bytearray()
        self._data: list[str] = []
        self._last_id = last_id

    def feed(self, piece: bytes) -> list[ServerSentEvent]:
        """Return the events that are complete now. Raises ``InvalidResponse``."""
        self._buffer += piece
        held_back = self._buffer.endswith(b"\r")  # an LF may follow
        text = bytes(self._buffer[:-1] if held_back else self._buffer).replace(b"\r\n", b"\n")
        *lines, rest = text.replace(b"\r", b"\n").split(b"\n")
        self._buffer = bytearray(rest + (b"\r" if held_back else b""))
        events = [event for line in lines if (event := self._line(line)) is not None]
        if len(self._buffer) + sum(map(len, self._data)) > _LONGEST:
            raise InvalidResponse("An event of the server's stream is too long.")
        return events

    def _line(self, line: bytes) -> ServerSentEvent | None:
        if not line:
            event = ServerSentEvent("\n".join(self._data), self._last_id) if self._data else None
            self._data = []
            return event
        name, _, value = line.partition(b":")
        text = value.removeprefix(b" ").decode("utf-8", "replace")
        if name == b"data":
            self._data.append(text)
        elif name == b"id" and "\0" not in text:
            self._last_id = text
        return None
