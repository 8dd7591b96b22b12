"""The gallery: which pictures a filter means, whole jobs on a page, and what goes on to the next one."""

import re
from typing import Any

from sqlalchemy import insert, update

from api.dashboard.figures.job_summary import JobSummary
from api.dashboard.pages.pictures.pictures import PICTURES, fitting
from models.clock import now
from models.ids import new_id
from models.tables import assets, campaign_items, campaigns, jobs
from tests.api.dashboard.visitor import visit
from tests.api.service import BOB, Service, key_of


def summary(pictures: int) -> JobSummary:
    return JobSummary({"assets": [{}] * pictures}, None, None, {}, None)


def test_a_page_has_whole_jobs_and_at_least_one() -> None:
    assert len(fitting([summary(1)] * PICTURES)) == PICTURES
    assert len(fitting([summary(4)] * PICTURES)) == PICTURES // 4
    assert len(fitting([summary(PICTURES + 1), summary(1)])) == 1
    assert fitting([]) == []


async def as_take(service: Service, job: dict[str, Any], verdict: str | None) -> None:
    """Make a job the newest take of an item with a verdict."""
    campaign_id, item_id = new_id(), new_id()
    async with service.services.database.writing() as connection:
        caller = (await service.services.authenticator.check(service.key or "")).caller
        assert caller is not None
        campaign = {
            "id": campaign_id,
            "caller_id": caller.id,
            "name": f"c {campaign_id}",
            "updated_at": now(),
        }
        await connection.execute(insert(campaigns).values(**campaign))
        item = {
            "id": item_id,
            "campaign_id": campaign_id,
            "key": "k",
            "variant": "",
            "position": 0,
            "takes": 1,
        }
        item |= {
            "row_version": 1,
            "canary": False,
            "state": "made",
            "job_id": key_of(job),
            "verdict": verdict,
        }
        await connection.execute(insert(campaign_items).values(**item))
        of_item = update(jobs).where(jobs.c.id == key_of(job))
        await connection.execute(of_item.values(item_id=item_id, take=1, take_reason="first"))


async def test_pictures_are_found_by_what_they_are(service: Service) -> None:
    made = {}
    for name, fields in (
        ("picked", {"tags": ["a"]}),
        ("rejected", {"model": "m2"}),
        ("plain", {"campaign": "c"}),
    ):
        made[name] = await service.submit(prompt=name, **fields)
        await service.finish(made[name], name.encode())
    await as_take(service, made["picked"], "pick")
    await as_take(service, made["rejected"], "reject")
    async with service.services.database.writing() as connection:
        of_plain = update(assets).where(assets.c.job_id == key_of(made["plain"]))
        await connection.execute(of_plain.values(blank=True, checked_at=now()))
    await service.submit(prompt="not made")
    visitor, other = await visit(service), await visit(service, BOB)
    for query, names in (
        ("", {"picked", "rejected", "plain"}),
        ("verdict=pick", {"picked"}),
        ("verdict=reject", {"rejected"}),
        ("verdict=none", set()),
        ("check=blank", {"plain"}),
        ("check=alpha", set()),
        ("tag=a", {"picked"}),
        ("model=m2", {"rejected"}),
        ("campaign=c", {"plain"}),
    ):
        page = (await visitor.get(f"/dashboard/gallery?{query}")).text
        assert set(re.findall(r'<img [^>]*alt="([^"]+)"', page)) == names, query
        listed = (await service.get(f"/v1/jobs?status=succeeded&{query}")).json()["data"]
        assert {job["prompt"] for job in listed} == names, "the API means the same"
    assert "<figure" not in (await other.get("/dashboard/gallery")).text
    assert (await visitor.get("/dashboard/gallery?verdict=maybe")).status_code == 422

    ids = re.findall(r'data-asset="([^"]+)"', (await visitor.get("/dashboard/gallery")).text)
    compared = (await visitor.get(f"/dashboard/gallery/compare?ids={','.join(ids)},asset_1")).text
    assert compared.count("<figure>") == 3
    for text in ("Prompt", "m2", "Blank", "#edit"):
        assert text in compared
    assert "<figure>" not in (await other.get(f"/dashboard/gallery/compare?ids={','.join(ids)}")).text


async def test_pages_join_without_a_gap(service: Service) -> None:
    for number in range(PICTURES + 3):
        await service.finish(await service.submit(prompt=f"p{number}"), f"{number}".encode())
    visitor = await visit(service)
    first = (await visitor.get("/dashboard/gallery")).text
    older = re.search(
        r'href="(/dashboard/gallery\?before=[^"]+)" data-older|data-older href="([^"]+)"', first
    )
    assert older is not None
    second = (await visitor.fragment(older[1] or older[2])).text
    shown = [re.findall(r'<img [^>]*alt="([^"]+)"', page) for page in (first, second)]
    assert [len(each) for each in shown] == [PICTURES, 3]
    assert len(set(shown[0]) | set(shown[1])) == PICTURES + 3
    assert "These are all." in second
