"""Webhook endpoints and their deliveries (``client.webhooks``)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from darkroom_client.documents import Document, as_document, as_documents, member, optional, required, texts
from darkroom_client.exchange.operation import Bound, operation, stream
from darkroom_client.exchange.pages import read_pages
from darkroom_client.exchange.session import Session, segment
from darkroom_client.exchange.transport import Transport

M = TypeVar("M", bound=Transport)
_ROOT = "/v1/webhooks"
_PAUSE = 0.2  # seconds between polls of a delivery
PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook endpoint. ``secret`` is only there when it was made just now."""

    id: str
    url: str | None
    events: tuple[str, ...]
    description: str
    enabled: bool
    disabled_reason: str | None
    secret: str | None = field(repr=False)
    document: Document = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Delivery of one message to one endpoint. ``status`` is pending until it has ended."""

    id: str
    status: str
    type: str
    job: str | None
    tries: int
    document: Document = field(repr=False, compare=False)


class Webhooks(Bound[M]):
    """Operations on webhooks; the id ``default`` is that of the ``webhook_url`` of jobs.

    All raise ``ApiError`` and ``ConnectionFailed``.
    """

    __slots__ = ("_session",)

    def __init__(self, session: Session[M]) -> None:
        self._session = session

    @operation
    async def create(self, /, url: str, *, events: Sequence[str] = (), description: str = "") -> Webhook:
        """Create a webhook for all jobs (without events: for those that end or are held)."""
        body: dict[str, Any] = {"url": url, "description": description}
        return _webhook(
            await self._session.call("POST", _ROOT, body=body | ({"events": [*events]} if events else {}))
        )

    @stream
    async def list(self, /) -> AsyncIterator[Webhook]:
        """Yield all webhooks."""
        page = as_document(await self._session.call("GET", _ROOT), "page")
        for document in as_documents(page.get("data"), "page"):
            yield _webhook(document)

    @operation
    async def get(self, /, webhook_id: str) -> Webhook:
        """Return a webhook."""
        return _webhook(await self._session.call("GET", _path(webhook_id)))

    @operation
    async def update(self, /, webhook_id: str, **changes: Any) -> Webhook:
        """Change ``url``, ``events``, ``description`` or ``enabled``."""
        return _webhook(await self._session.call("PATCH", _path(webhook_id), body=changes))

    @operation
    async def delete(self, /, webhook_id: str) -> None:
        """Delete a webhook."""
        await self._session.call("DELETE", _path(webhook_id))

    @operation
    async def rotate(self, /, webhook_id: str, *, overlap: int | None = None) -> Webhook:
        """Make a new secret; the old one signs too for ``overlap`` seconds."""
        body = {} if overlap is None else {"overlap": overlap}
        return _webhook(await self._session.call("POST", f"{_path(webhook_id)}/rotate", body=body))

    @operation
    async def test(self, /, webhook_id: str, *, timeout: float = 30) -> Delivery:
        """Send a test; returns its delivery once it has ended, or as it is after ``timeout`` seconds."""
        session = self._session
        delivery = _delivery(await session.call("POST", f"{_path(webhook_id)}/test"))
        end = session.transport.now() + timeout
        while delivery.status == PENDING and session.transport.now() < end:
            await session.transport.sleep(_PAUSE)
            delivery = _delivery(await session.call("GET", _delivery_path(delivery.id)))
        return delivery

    @stream
    async def deliveries(
        self, /, webhook_id: str, *, status: str | Sequence[str] | None = None, limit: int | None = None
    ) -> AsyncIterator[Delivery]:
        """Yield deliveries, newest first; ``status`` may name several."""
        query = {"status": status if isinstance(status, str) else ",".join(status)} if status else {}
        path = f"{_path(webhook_id)}/deliveries"
        async for document in read_pages(self._session, path, query, limit=limit):
            yield _delivery(document)

    @operation
    async def replay(self, /, delivery_id: str) -> Delivery:
        """Send a delivery again."""
        return _delivery(await self._session.call("POST", f"{_delivery_path(delivery_id)}/replay"))


def _path(webhook_id: str) -> str:
    return f"{_ROOT}/{segment(webhook_id, 'webhook')}"


def _delivery_path(delivery_id: str) -> str:
    return f"{_ROOT}/deliveries/{segment(delivery_id, 'delivery')}"


def _webhook(value: object) -> Webhook:
    document = as_document(value, "webhook")
    return Webhook(
        id=required(document, "id"),
        url=optional(document, "url", str),
        events=texts(document, "events"),
        description=member(document, "description", str, ""),
        enabled=member(document, "enabled", bool, True),
        disabled_reason=optional(document, "disabled_reason", str),
        secret=optional(document, "secret", str),
        document=document,
    )


def _delivery(value: object) -> Delivery:
    document = as_document(value, "delivery")
    return Delivery(
        id=required(document, "id"),
        status=required(document, "status"),
        type=member(document, "type", str, ""),
        job=optional(document, "job", str),
        tries=member(document, "tries", int, 0),
        document=document,
    )
