"""Channels, for admin keys (``client.channels``)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

from darkroom_client.documents import Document, as_document, as_documents, optional, required
from darkroom_client.exchange.operation import Bound, operation, stream
from darkroom_client.exchange.session import Session
from darkroom_client.exchange.transport import Transport

M = TypeVar("M", bound=Transport)
_ROOT = "/v1/channels"


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel; ``detail`` says why it is not open."""

    name: str
    state: str
    detail: str | None
    document: Document = field(repr=False, compare=False)


class Channels(Bound[M]):
    """Operations on channels; they need an admin's key. All raise ``ApiError`` and ``ConnectionFailed``."""

    __slots__ = ("_session",)

    def __init__(self, session: Session[M]) -> None:
        self._session = session

    @stream
    async def list(self, /) -> AsyncIterator[Channel]:
        """Yield all channels."""
        page = as_document(await self._session.call("GET", _ROOT), "page")
        for document in as_documents(page.get("data"), "page"):
            yield _read(document)

    @operation
    async def get(self, /, name: str) -> Channel:
        """Return a channel."""
        return _read(await self._session.call("GET", _path(name)))

    @operation
    async def pause(
        self,
        /,
        name: str,
        *,
        model: str | None = None,
        reason: str | None = None,
        until: datetime | None = None,
        duration: float | None = None,
        drain: bool = False,
    ) -> Channel:
        """Start no more calls on a channel, or of one model on it; calls in flight go on.

        A pause of the whole channel ends by itself at ``until``, or after ``duration`` seconds, if one of the
        two is given. ``drain``: its state becomes ``drained`` once no call is in flight.
        """
        verb = "drain" if drain else "pause"
        end = until.isoformat() if until else None
        body = _given(model=model, reason=reason, until=end, duration=duration)
        return _read(await self._session.call("POST", f"{_path(name)}/{verb}", body=body))

    @operation
    async def resume(self, /, name: str, *, model: str | None = None, forget: bool = False) -> Channel:
        """Open a channel again, whatever closed it; ``forget`` clears its learned limits, too."""
        body = _given(model=model, forget=forget or None)
        return _read(await self._session.call("POST", f"{_path(name)}/resume", body=body))

    @operation
    async def remove(self, /, name: str) -> None:
        """Delete a channel that no live worker has in its settings."""
        await self._session.call("DELETE", _path(name))


def _path(name: str) -> str:
    return f"{_ROOT}/{quote(name, safe='')}"


def _given(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _read(value: object) -> Channel:
    document = as_document(value, "channel")
    return Channel(
        required(document, "name"), required(document, "state"), optional(document, "detail", str), document
    )
