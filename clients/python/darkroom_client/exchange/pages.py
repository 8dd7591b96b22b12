"""Pages of a list, read as one stream."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, TypeVar

from darkroom_client.documents import Document, as_document, as_documents, optional
from darkroom_client.exchange.session import Session
from darkroom_client.exchange.transport import Transport

M = TypeVar("M", bound=Transport)
_PAGE = 100


async def read_pages(
    session: Session[M], path: str, query: Mapping[str, Any], *, limit: int | None, cursor: str = "before"
) -> AsyncGenerator[Document, None]:
    """Yield up to ``limit`` documents (``None``: all), page by page.

    ``cursor`` is the parameter that takes the ``next`` of a page.
    Raises ``ApiError`` and ``ConnectionFailed``.
    """
    left = float("inf") if limit is None else limit
    place: dict[str, str] = {}
    while left > 0:
        size = int(min(left, _PAGE))
        page = as_document(await session.call("GET", path, query={**query, **place, "limit": size}), "page")
        documents = list(as_documents(page.get("data"), "page"))
        for document in documents:
            yield document
        left -= len(documents)
        following = optional(page, "next", str)
        if not following or not documents:
            return
        place = {cursor: following}
