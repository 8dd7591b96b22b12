"""Updates of a campaign that runs: its state, and the items that have ended since the update before."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from darkroom_client.campaigns.items import PAGE, Item, read_items
from darkroom_client.campaigns.values import CampaignState, read_campaign
from darkroom_client.documents import Document, member, moment
from darkroom_client.exchange.pages import read_pages
from darkroom_client.exchange.session import Session
from darkroom_client.exchange.transport import Transport

M = TypeVar("M", bound=Transport)
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_OVERLAP = timedelta(seconds=10)
"""An end is written a moment after its time: what ended so long before the last one is asked for again."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0  # seconds between polls


@dataclass(frozen=True, slots=True)
class CampaignUpdate(Generic[M]):
    """A campaign, and items whose newest takes have ended since the update before, each take once."""

    campaign: CampaignState
    ended: Sequence[Item[M]]


async def watch_campaign(session: Session[M], address: str) -> AsyncGenerator[CampaignUpdate[M], None]:
    """Yield updates until the campaign is finished or cancelled: at first with all that has ended so far.

    What ended is asked for by its time; in the end, if some is missing (a database that was away writes ends
    late), all is read once more.
    """
    follower = _Follower[M](session, address)
    pause = _SHORTEST_PAUSE
    while True:
        campaign = read_campaign(await session.call("GET", address))
        before = len(follower.seen)
        async with aclosing(follower.pages()) as pages:
            async for page in pages:
                yield CampaignUpdate(campaign, page)
        if campaign.is_final and follower.ended < campaign.ended:
            follower.mark = _BEGIN
            async with aclosing(follower.pages()) as pages:
                async for page in pages:
                    yield CampaignUpdate(campaign, page)
        yield CampaignUpdate(campaign, ())
        if campaign.is_final:
            return
        pause = _SHORTEST_PAUSE if len(follower.seen) > before else min(_LONGEST_PAUSE, pause * 1.5)
        await session.transport.sleep(pause * (1 + session.chance() / 5))


class _Follower(Generic[M]):
    """Reads what has ended, each take once."""

    def __init__(self, session: Session[M], address: str) -> None:
        self._session, self._address = session, address
        self.mark = _BEGIN
        self.seen: set[tuple[str, int]] = set()  # ids of items, with the number of the take
        self._items: set[str] = set()

    @property
    def ended(self) -> int:
        """Items that have ended at least once."""
        return len(self._items)

    async def pages(self) -> AsyncGenerator[Sequence[Item[M]], None]:
        query = {"ended_after": (self.mark - _OVERLAP if self.mark > _BEGIN else _BEGIN).isoformat()}
        new: list[Document] = []
        async for document in read_pages(self._session, f"{self._address}/items", query, limit=None):
            self.mark = max(self.mark, moment(document, "ended_at") or _BEGIN)
            take = (member(document, "id", str, ""), member(document, "takes", int, 0))
            if take in self.seen:
                continue
            self.seen.add(take)
            self._items.add(take[0])
            new.append(document)
            if len(new) == PAGE:
                yield await read_items(self._session, new)
                new = []
        if new:
            yield await read_items(self._session, new)
