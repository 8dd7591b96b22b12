"""Items over HTTP: pages, filters, and one key with its takes."""

from models.clock import now
from models.ids import new_id, parse_id
from models.queries.campaigns.campaigns import get
from models.queries.campaigns.items import NewItem, insert_items
from tests.api.rest.campaigns.conftest import SPRING, Create
from tests.api.service import Service


async def make_items(service: Service, public: str) -> None:
    campaign_id = parse_id("camp", public)
    async with service.services.database.writing() as connection:
        assert await get(connection, campaign_id)
        made = [
            NewItem(
                id=new_id(),
                campaign_id=campaign_id,
                key=f"k/{number}",
                variant="",
                position=number,
                row_version=1,
                canary=False,
                job_id=None,
                takes=0,
                state="failed" if number % 2 else "made",
                error="odd" if number % 2 else None,
                ended_at=now(),
            )
            for number in range(5)
        ]
        await insert_items(connection, made)


async def test_items_are_listed_page_by_page_and_by_filter(create: Create, service: Service) -> None:
    await make_items(service, (await create())["id"])
    first = (await service.get(f"{SPRING}/items", params={"limit": 3})).json()
    rest = (await service.get(f"{SPRING}/items", params={"limit": 3, "before": first["next"]})).json()
    assert [each["key"] for each in first["data"] + rest["data"]] == [f"k/{number}" for number in range(5)]
    assert rest["next"] is None
    failed = (await service.get(f"{SPRING}/items", params={"status": "failed", "error": "odd"})).json()[
        "data"
    ]
    assert [each["key"] for each in failed] == ["k/1", "k/3"]
    counted = (await service.get(SPRING)).json()["items"]
    assert (counted["total"], counted["by_status"]["failed"]) == (5, 2)


async def test_a_key_has_its_items_with_takes(create: Create, service: Service) -> None:
    await make_items(service, (await create())["id"])
    found = (await service.get(f"{SPRING}/items/k%2F1")).json()["data"]
    assert [(each["key"], each["takes"]) for each in found] == [("k/1", [])]
    assert (await service.get(f"{SPRING}/items/gone")).status_code == 404


async def test_items_that_ended_are_listed_in_the_order_of_their_ends(
    create: Create, service: Service
) -> None:
    await make_items(service, (await create())["id"])
    every = (await service.get(f"{SPRING}/items")).json()["data"]
    by_end = sorted(every, key=lambda each: (each["ended_at"], parse_id("item", each["id"])))
    query = {"ended_after": "2026-01-01T00:00:00Z", "limit": 2}
    found, before = [], {}
    while before is not None:
        page = (await service.get(f"{SPRING}/items", params={**query, **before})).json()
        found += page["data"]
        before = {"before": page["next"]} if page["next"] else None
    assert [each["key"] for each in found] == [each["key"] for each in by_end]
    late = {"ended_after": by_end[-1]["ended_at"].replace("Z", "999Z"), "status": "made"}
    assert (await service.get(f"{SPRING}/items", params=late)).json()["data"] == []


async def test_a_wrong_filter_or_cursor_is_named(create: Create, service: Service) -> None:
    await create()
    wrong = (("status", "lost"), ("before", "x"), ("state", "made"), ("ended_after", "2026-01-01T00:00:00"))
    for name, value in (*wrong, ("ended_after", "yesterday")):
        answer = await service.get(f"{SPRING}/items", params={name: value})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, name)
