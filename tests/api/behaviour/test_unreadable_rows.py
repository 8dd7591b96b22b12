"""A job whose row can't be read is answered in words, and never fails a page of others."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from models.settings import Settings
from tests.api.conftest import started
from tests.api.service import ALICE, JOB, Service, key_of
from tests.support.databases import PostgresCopies
from tests.support.unreadable_rows import EVERY_KIND, UNKNOWN, UNREADABLE, UNWRITABLE, any_change, spoil

# examples share a database, which makes shrinking slow
ANY_CHANGE = settings(
    max_examples=3,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


async def test_every_job_of_a_page_is_shown_whatever_its_row_holds(service: Service) -> None:
    bad, good = {}, []
    for kind, change in EVERY_KIND.items():
        good.append((await service.submit())["id"])
        job = await service.submit(tags=["t"], campaign="c")
        await spoil(service.services.database, "jobs", key_of(job), change)
        bad[kind] = job["id"]
    page = (await service.get("/v1/jobs", params={"limit": 200})).json()["data"]
    assert {each["id"] for each in page} == {*good, *bad.values()}
    assert (await service.get("/v1/jobs", params={"tag": "t"})).status_code == 200
    for kind, job_id in bad.items():
        answer = await service.get(f"/v1/jobs/{job_id}")
        assert answer.status_code == 200, kind
        if kind in {**UNREADABLE, **UNKNOWN}:
            error = answer.json()["error"]
            assert error["code"] == "unreadable", kind
            assert EVERY_KIND[kind][0] in error["message"], kind
    assert (await service.get(f"/v1/jobs/{bad['an unknown status']}")).json()["status"] == "failed"
    for job_id in (bad[kind] for kind in EVERY_KIND if kind not in UNWRITABLE):
        for act in ("cancel", "retry"):
            assert (await service.post(f"/v1/jobs/{job_id}/{act}")).status_code < 500


@ANY_CHANGE
@given(changes=st.lists(any_change, min_size=8, max_size=16))
async def test_any_value_in_any_column_leaves_its_job_and_its_page_readable(
    service: Service, changes: list[tuple[str, str, str]]
) -> None:
    jobs = [await service.submit(campaign="c") for _ in changes]
    for job, change in zip(jobs, changes, strict=True):
        await spoil(service.services.database, "jobs", key_of(job), change)
    page = (await service.get("/v1/jobs", params={"limit": len(jobs)})).json()["data"]
    assert {each["id"] for each in page} == {job["id"] for job in jobs}
    for job, change in zip(jobs, changes, strict=True):
        assert (await service.get(f"/v1/jobs/{job['id']}")).status_code == 200, change
        assert (await service.post(f"/v1/jobs/{job['id']}/cancel")).status_code < 500, change


async def test_held_jobs_are_released_beside_one_that_can_not_be_read(service: Service) -> None:
    held = [await service.hold() for _ in range(3)]
    deadline = UNREADABLE["a deadline beyond the calendar"]
    await spoil(service.services.database, "jobs", key_of(held[1]), deadline)
    answer = await service.post("/v1/jobs/release", json={"filter": {}})
    assert (answer.status_code, answer.json()["changed"]) == (200, 3)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York"])
async def test_a_deadline_at_the_end_of_the_calendar_is_shown_in_any_zone_of_the_database(
    postgres_copies: PostgresCopies, tmp_path: Path, zone: str
) -> None:
    with postgres_copies.fresh() as url:
        postgres_copies.set(url, "timezone", zone)
        values = {"database_url": url, "storage_url": f"file://{tmp_path}/pictures", "api_keys": (ALICE,)}
        values["public_url"] = "http://darkroom.test"
        async with started(Settings.model_validate(values)) as service:
            job = await service.submit()
            last = ("expires_at", "", "'9999-12-31T23:59:59Z'::timestamptz")
            await spoil(service.services.database, "jobs", key_of(job), last)
            assert (await service.read(job))["expires_at"] == "9999-12-31T23:59:59.000Z"
            assert (await service.read(job))["error"] is None
            assert len((await service.get("/v1/jobs")).json()["data"]) == 1
            refused = await service.post("/v1/jobs", json=JOB | {"expires_at": "9999-12-31T23:59:59Z"})
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "expires_at")
