"""The page of a job."""

import re
from datetime import UTC, datetime

from sqlalchemy import update

from api.dashboard.pages.job import timeline
from models.tables import callers
from tests.api.dashboard.visitor import visit
from tests.api.service import ADMIN, Service

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_the_timeline_has_waits_and_calls_in_order() -> None:
    def at(second: int) -> str:
        return f"2026-11-30T11:00:{second:02}Z"

    calls = [
        {"started_at": at(2), "finished_at": at(4), "outcome": "permanent"},
        {"started_at": at(6), "finished_at": at(9), "outcome": "success"},
    ]
    job = {"created_at": at(0), "finished_at": at(10), "status": "succeeded", "attempts": calls}
    assert [bar.kind for bar in timeline(job, NOW)] == ["wait", "failed", "wait", "call", "store"]
    waiting = {**job, "attempts": [], "finished_at": None, "status": "queued"}
    assert [bar.kind for bar in timeline(waiting, NOW)] == ["wait"]


async def test_buttons_are_those_that_the_state_allows(service: Service) -> None:
    admin = await visit(service, ADMIN)
    queued, held = await service.submit(), await service.hold()
    page = (await admin.get(f"/dashboard/jobs/{queued['id']}")).text
    assert f"POST /v1/jobs/{queued['id']}/cancel" in page
    assert "/retry" not in page
    page = (await admin.get(f"/dashboard/jobs/{held['id']}")).text
    assert f"POST /v1/jobs/{held['id']}/release" in page
    assert "may be paid twice" in page


async def test_an_answer_that_was_not_kept_is_said_so(service: Service) -> None:
    admin = await visit(service, ADMIN)
    job = await service.submit()
    await service.finish(job, b"png")
    page = (await admin.get(f"/dashboard/jobs/{job['id']}?answer=1")).text
    assert "was not kept" in page
    assert (await admin.get(f"/dashboard/jobs/{job['id']}?answer=x")).status_code == 200


async def test_the_page_says_when_a_job_is_deleted_and_keeps_it(service: Service) -> None:
    admin = await visit(service, ADMIN)
    job = await service.submit()
    async with service.services.database.writing() as connection:
        await connection.execute(update(callers).values(retention={"jobs": 90_000}))
    page = (await admin.get(f"/dashboard/jobs/{job['id']}")).text
    assert page.count("deleted 1 d 1 h after the end") == 1, "what goes with the job has no line of its own"
    await service.finish(job, b"png")
    path = f"/v1/jobs/{job['id']}/retention"
    page = (await admin.get(f"/dashboard/jobs/{job['id']}")).text
    figure = page.partition("<figcaption>")[2].partition("</figcaption>")[0]
    assert re.search(r"deleted in (1 d|24 h)", figure)
    assert f"PUT {path}" in page
    assert "rule of the caller" in page
    assert (await service.request("PUT", path, json={"keep": True})).status_code == 200
    page = (await admin.get(f"/dashboard/jobs/{job['id']}")).text
    assert "This job is kept" in page
    assert "rule of the caller" not in page
