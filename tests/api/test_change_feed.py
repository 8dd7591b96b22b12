"""The change feed: pages hear of topics that changed, of jobs only those of their caller."""

from models.clock import now
from models.ids import new_id
from models.queries.dashboard.audit import AuditEntry, insert_entry
from tests.api.service import ALICE, Service


async def test_a_page_hears_of_what_has_changed_and_of_nothing_else(service: Service) -> None:
    feed = service.services.changes
    alice = (await service.services.authenticator.check(ALICE)).caller
    assert alice is not None
    async with (
        feed.subscribe(None) as every,
        feed.subscribe(alice.id) as own,
        feed.subscribe(new_id()) as other,
    ):
        await feed.read()
        assert await every.take(0.01) == frozenset()
        await service.submit()
        await feed.read()
        assert await every.take(5) == {"jobs"}
        assert await own.take(5) == {"jobs"}
        assert await other.take(0.01) == frozenset()
        async with service.services.database.writing() as connection:
            entry = AuditEntry(at=now(), by="a", role="admin", through="api", action="test")
            await insert_entry(connection, entry)
        await feed.read()
        assert await other.take(5) == {"audit"}
        assert feed.as_of is not None


async def test_streams_end_with_the_process(service: Service) -> None:
    feed = service.services.changes
    async with feed.subscribe(None) as page:
        feed.release()
        assert await page.take(5) == frozenset()
        assert feed.released
