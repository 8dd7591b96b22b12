"""Jobs as callers read them: ETag, Retry-After, wait reason, attempts and assets."""

from datetime import timedelta
from unittest.mock import ANY

from models.clock import now, rfc3339
from tests.api.service import S, Service, key_of


async def test_the_response_to_a_submit_equals_the_job_read_back(service: Service) -> None:
    job = await service.submit(
        images=["https://pictures.example/a.png"],
        size="16:9",
        n=2,
        params={"style": {"name": "水彩"}},
        priority=9,
        metadata={"order": 7},
        webhook_url="https://hook.example/x",
        max_attempts=5,
        on_unknown="fail",
        expires_at="2100-01-01T00:00:00Z",
        retry={"no_image": {"attempts": 3, "jitter": "equal"}, "rate_limited": {"counts": True}},
        campaign="spring",
        tags=["blue", "猫"],
    )

    with_estimate = {"queue_position": 1, "eta": ANY}
    assert (await service.get(f"/v1/jobs/{job['id']}")).json() == job | with_estimate


async def test_the_etag_of_the_newest_revision_gives_304(service: Service) -> None:
    job = await service.submit()
    first = await service.get(f"/v1/jobs/{job['id']}")

    again = await service.get(f"/v1/jobs/{job['id']}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]

    await service.move(job, S.QUEUED, S.LEASED)
    after = await service.get(f"/v1/jobs/{job['id']}", headers={"If-None-Match": first.headers["etag"]})
    assert (after.status_code, after.json()["revision"]) == (200, 2)


async def test_a_finished_job_has_no_retry_after(service: Service) -> None:
    job = await service.submit()
    assert "retry-after" in (await service.get(f"/v1/jobs/{job['id']}")).headers

    stopped = await service.post(f"/v1/jobs/{job['id']}/cancel")
    assert "retry-after" not in stopped.headers


async def test_a_queued_job_has_a_wait_reason(service: Service) -> None:
    later = rfc3339(now() + timedelta(hours=1))
    job = await service.submit(not_before=later)
    assert job["waiting"]["reason"] == "not_before"
    assert job["waiting"]["next_eligible_at"] == later
    assert (await service.submit())["waiting"]["reason"] == "no_channel"

    await service.move(job, S.QUEUED, S.LEASED)
    assert (await service.get(f"/v1/jobs/{job['id']}")).json()["waiting"] is None


async def test_a_finished_job_has_its_attempts_and_assets(service: Service) -> None:
    job = await service.submit()
    asset = await service.finish(job, b"picture")
    await service.submit()

    shown = (await service.get(f"/v1/jobs/{job['id']}")).json()
    assert shown["assets"][0]["url"] == f"http://darkroom.test/assets/{asset['token']}/0.png"
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["success"]
    assert (await service.get("/v1/jobs")).json()["data"][1] == shown
    assert key_of(shown) == key_of(job)
