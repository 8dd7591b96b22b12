"""Models that jobs can name (``client.models``)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote

from darkroom_client.documents import Document, as_document, as_documents, member, required
from darkroom_client.exchange.operation import Bound, operation, stream
from darkroom_client.exchange.session import Session
from darkroom_client.exchange.transport import Transport

M = TypeVar("M", bound=Transport)


@dataclass(frozen=True, slots=True)
class Model:
    """A model, with the channels that serve it."""

    id: str
    channels: tuple[str, ...]
    document: Document = field(repr=False, compare=False)


class Models(Bound[M]):
    """Operations on models. All raise ``ApiError`` and ``ConnectionFailed``."""

    __slots__ = ("_session",)

    def __init__(self, session: Session[M]) -> None:
        self._session = session

    @stream
    async def list(self, /) -> AsyncIterator[Model]:
        """Yield the models that have a name of their own."""
        page = as_document(await self._session.call("GET", "/v1/models"), "page")
        for document in as_documents(page.get("data"), "page"):
            yield _read(document)

    @operation
    async def get(self, /, name: str) -> Model:
        """Return a model; raises ``NotFound`` with the nearest names."""
        path = f"/v1/models/{quote(name, safe='')}"
        return _read(as_document(await self._session.call("GET", path), "model"))


def _read(document: Document) -> Model:
    channels = as_documents(document.get("x_channels"), "channels")
    return Model(
        required(document, "id"), tuple(member(each, "name", str, "") for each in channels), document
    )
