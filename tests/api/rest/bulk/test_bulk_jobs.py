"""Retry, cancel and delete of many jobs: by ids or a filter, after a dry run."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import func, select

from models.tables import assets, attempts, events, jobs
from tests.api.service import ADMIN, BOB, S, Service, key_of
from tests.worker.images.drawing import draw

MISSING = "job_01h455vb4pex5vsknk084sn02q"


async def change(service: Service, verb: str, **body: Any) -> dict[str, Any]:
    answer = await service.post(f"/v1/jobs/{verb}", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def ended(service: Service, status: S = S.FAILED, **fields: Any) -> dict[str, Any]:
    job = await service.submit(**fields)
    await service.move(job, S.QUEUED, *([S.LEASED, S.RUNNING] if status is S.SUCCEEDED else []), status)
    return job


def reasons(result: Mapping[str, Any]) -> dict[str, int]:
    return {each["reason"]: each["count"] for each in result["skipped"]}


async def test_a_dry_run_says_what_would_change_and_why_the_others_would_not(service: Service) -> None:
    failed = await ended(service, campaign="spring")
    done = await ended(service, S.SUCCEEDED, campaign="spring")
    await service.submit(campaign="spring")
    await service.hold(campaign="spring")
    await ended(service, campaign="other")

    result = await change(service, "retry", filter={"campaign": "spring"}, dry_run=True)
    assert (result["matched"], result["eligible"], result["changed"]) == (4, 1, 0)
    assert result["samples"] == [failed["id"]]
    assert reasons(result) == {"already_paid": 1, "open": 1, "may_be_paid": 1}
    assert next(each for each in result["skipped"] if each["reason"] == "already_paid")["samples"] == [
        done["id"]
    ]
    assert (await service.read(failed))["status"] == "failed"

    twice = await change(service, "retry", filter={"campaign": "spring"}, may_pay_twice=True)
    assert (twice["eligible"], twice["changed"], reasons(twice)) == (3, 3, {"open": 1})
    assert (await service.read(done))["generation"] == 2


async def test_an_expected_count_that_differs_changes_nothing_and_names_both(service: Service) -> None:
    job = await ended(service)
    body = {"filter": {"status": ["failed"]}, "expected_count": 5}
    answer = await service.post("/v1/jobs/retry", json=body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "count_differs")
    assert (problem["expected_count"], problem["eligible"]) == (5, 1)
    assert (await service.read(job))["status"] == "failed"
    assert (await change(service, "retry", **body | {"expected_count": 1}))["changed"] == 1


async def test_jobs_are_cancelled_by_id_and_unknown_or_foreign_ids_are_named(service: Service) -> None:
    queued, done = await service.submit(), await ended(service)
    foreign = await service.with_key(BOB).submit()
    ids = [queued["id"], done["id"], foreign["id"], MISSING, "job_1"]
    result = await change(service, "cancel", ids=ids)
    assert (result["matched"], result["changed"]) == (2, 1)
    assert reasons(result) == {"not_found": 3, "ended": 1}
    assert (await service.read(queued))["status"] == "cancelled"
    assert (await service.with_key(BOB).read(foreign))["status"] == "queued"


async def test_a_deleted_job_is_gone_with_all_that_belongs_to_it(service: Service) -> None:
    job, other = await service.submit(), await service.submit()
    await service.finish(job, b"a picture")
    result = await change(service, "delete", ids=[job["id"], other["id"]])
    assert (result["changed"], reasons(result)) == (1, {"not_ended": 1})

    assert (await service.get(f"/v1/jobs/{job['id']}")).status_code == 410
    assert (await service.get(f"/v1/jobs/{other['id']}")).status_code == 200
    async with service.services.database.reading() as connection:
        for table in (attempts, events, assets):
            of_job = select(func.count()).select_from(table).where(table.c.job_id == key_of(job))
            assert await connection.scalar(of_job) == 0


async def test_the_input_image_of_a_deleted_job_may_go_after_a_time(service: Service) -> None:
    url = f"data:image/png;base64,{b64encode(draw('PNG')).decode()}"
    job = await service.submit(images=[url, "https://p.example/x.png"])
    asset = job["images"][0]
    await service.move(job, S.QUEUED, S.FAILED)
    assert await until(service) is None
    await change(service, "delete", ids=[job["id"]])
    assert await until(service) is not None
    assert (await service.get(f"/v1/assets/{asset}")).status_code == 200


async def until(service: Service) -> Any:
    async with service.services.database.reading() as connection:
        return await connection.scalar(select(assets.c.unused_until))


async def test_an_admin_changes_the_jobs_of_all_callers_or_of_one(service: Service) -> None:
    mine, bobs = await service.submit(), await service.with_key(BOB).submit()
    admin = service.with_key(ADMIN)
    forbidden = await service.post("/v1/jobs/cancel", json={"filter": {"caller": "bob"}})
    assert forbidden.status_code == 403
    assert (await change(admin, "cancel", filter={}, dry_run=True))["eligible"] == 2
    assert (await change(admin, "cancel", filter={}))["changed"] == 2
    for job, owner in ((mine, service), (bobs, service.with_key(BOB))):
        assert (await owner.read(job))["status"] == "cancelled"
        last = (await owner.get(f"/v1/jobs/{job['id']}/events")).text
        assert "administrator" in last


async def test_one_row_that_can_not_be_changed_stops_no_other(service: Service) -> None:
    made = [await ended(service) for _ in range(3)]
    async with service.services.database.writing() as connection:
        await connection.execute(
            jobs.update().where(jobs.c.id == key_of(made[1])).values(generation=2**15 - 1)
        )
        if connection.dialect.name == "sqlite":
            await connection.exec_driver_sql("UPDATE jobs SET generation = 'oops' WHERE generation > 9")
    result = await change(service, "retry", ids=[job["id"] for job in made])
    assert (result["changed"], reasons(result)) == (2, {"unwritable": 1})
    assert result["skipped"][0]["samples"] == [made[1]["id"]]
    assert (await service.read(made[2]))["status"] == "queued"


async def test_more_jobs_than_a_chunk_change_each_once(service: Service) -> None:
    body = {"jobs": [{"model": "m", "prompt": str(number)} for number in range(450)]}
    assert (await service.post("/v1/jobs", json=body)).status_code == 202
    result = await change(service, "cancel", filter={"model": "m"}, expected_count=450)
    assert (result["changed"], result["more"], len(result["samples"])) == (450, False, 5)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"ids": [], "filter": None}, "ids"),
        ({"ids": [MISSING], "filter": {}}, "body"),
        ({"filter": {"status": "gone"}}, "filter.status.0"),
        ({"filter": {"before": "job_1"}}, "filter.before"),
        ({"filter": {}, "expected_count": -1}, "expected_count"),
        ({"filter": {}, "dryrun": True}, "dryrun"),
        ({"filter": {}, "may_pay_twice": True}, "may_pay_twice"),
    ],
)
async def test_a_wrong_selection_is_refused_by_field(
    service: Service, body: dict[str, Any], field: str
) -> None:
    answer = await service.post("/v1/jobs/delete", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field
