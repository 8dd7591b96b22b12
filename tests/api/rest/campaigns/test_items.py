"""Items over HTTP: pages, filters, and one key with its takes."""

from sqlalchemy import update

from models.clock import now
from models.ids import new_id, parse_id
from models.queries.campaigns.campaigns import get
from models.queries.campaigns.items import NewItem, insert_items
from models.tables import assets, jobs
from tests.api.rest.campaigns.conftest import SPRING, Create
from tests.api.rest.campaigns.made import listed, start
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


async def test_what_was_found_in_the_newest_take_is_a_filter_of_lists_and_actions(
    create: Create, service: Service
) -> None:
    await create()
    first, second, third = await start(service, 3)
    for item, found in (
        (first, {"blank": True}),
        (second, {"duplicate_of": new_id()}),
        (third, {"blank": False}),
    ):
        await service.finish({"id": item["job"]}, item["key"].encode())
        async with service.services.database.writing() as connection:
            here = assets.c.job_id == parse_id("job", item["job"])
            await connection.execute(update(assets).where(here).values(checked_at=now(), **found))
    blank = await listed(service, check="blank")
    assert [(each["key"], each["checks"], each["status"]) for each in blank] == [("k0", ["blank"], "made")]
    assert blank[0]["assets"][0]["checks"]["found"] == ["blank"]
    both = {"check": ["blank", "duplicate"]}
    assert [each["key"] for each in await listed(service, **both)] == ["k0", "k1"]
    assert await listed(service, check="c2pa") == []
    tried = await service.post(f"{SPRING}/reroll", json={"filter": both, "dry_run": True})
    assert tried.json()["eligible"] == 2
    rejected = await service.post(
        f"{SPRING}/verdicts", json={"filter": {"check": "blank"}, "verdict": "reject"}
    )
    assert (rejected.status_code, rejected.json()["done"]) == (200, 1)
    exported = await service.post(f"{SPRING}/exports", json={"filter": {"check": "blank"}})
    assert (exported.status_code, exported.json()["filter"]) == (202, {"check": ["blank"]})
    wrong = await service.get(f"{SPRING}/items", params={"check": "ugly"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "check")


async def test_a_picture_of_a_former_generation_does_not_count(create: Create, service: Service) -> None:
    await create()
    (item,) = await start(service, 1)
    await service.finish({"id": item["job"]}, b"first")
    async with service.services.database.writing() as connection:
        await connection.execute(update(assets).values(checked_at=now(), blank=True, generation=1))
        await connection.execute(update(jobs).values(generation=2))
    assert await listed(service, check="blank") == []
