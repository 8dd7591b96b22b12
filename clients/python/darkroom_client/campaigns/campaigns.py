"""All campaigns of a caller (``client.campaigns``)."""

from collections.abc import AsyncIterator
from typing import TypeVar

from darkroom_client.campaigns.campaign import ROOT
from darkroom_client.campaigns.exports import Export, get_export
from darkroom_client.campaigns.values import CampaignState, read_campaign
from darkroom_client.exchange.operation import Bound, operation, stream
from darkroom_client.exchange.pages import read_pages
from darkroom_client.exchange.session import Session
from darkroom_client.exchange.transport import Transport

M = TypeVar("M", bound=Transport)


class Campaigns(Bound[M]):
    """Operations on campaigns. All raise ``ApiError`` and ``ConnectionFailed``."""

    __slots__ = ("_session",)

    def __init__(self, session: Session[M]) -> None:
        self._session = session

    @stream
    async def list(self, /, *, limit: int | None = None) -> AsyncIterator[CampaignState]:
        """Yield campaigns by name: all, or ``limit`` of them."""
        async for document in read_pages(self._session, ROOT, {}, limit=limit, cursor="after"):
            yield read_campaign(document)

    @operation
    async def get_export(self, /, export_id: str) -> Export[M]:
        """Return an export by its id, such as one whose download broke off in an earlier run."""
        return await get_export(self._session, export_id)
