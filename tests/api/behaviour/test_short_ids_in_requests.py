"""A unique beginning of an id is accepted wherever a request names an object, of the caller's own only."""

import pytest

from models.ids import LEAST_DIGITS
from tests.api.rest.webhooks.requests import create_webhook
from tests.api.service import ADMIN, BOB, JOB, S, Service
from worker.practice.drawing.png import tiny_png

LENGTH = 22  # digits of a beginning that is unique, unless it has been constructed otherwise


def short(public: str) -> str:
    kind, _, digits = public.partition("_")
    return f"{kind}_{digits[:LENGTH]}"


async def two_jobs(service: Service) -> tuple[list[str], str]:
    """Return the ids of two jobs of one moment, and what both begin with."""
    answer = await service.post("/v1/jobs", json={"jobs": [JOB, JOB]})
    one, other = (each["id"] for each in answer.json()["accepted"])
    shared = next(
        at for at, characters in enumerate(zip(one, other, strict=True)) if len(set(characters)) > 1
    )
    assert shared >= len("job_") + LEAST_DIGITS
    return [one, other], one[:shared]


async def test_paths_of_a_job_take_the_beginning_of_its_id(service: Service) -> None:
    job = await service.submit()
    for path in (short(job["id"]), short(job["id"]).removeprefix("job_")):
        assert (await service.get(f"/v1/jobs/{path}")).json()["id"] == job["id"]
    assert (await service.post(f"/v1/jobs/{short(job['id'])}/reread")).json()["job"]["id"] == job["id"]
    cancelled = await service.post(f"/v1/jobs/{short(job['id'])}/cancel")
    assert (cancelled.json()["id"], cancelled.json()["status"]) == (job["id"], "cancelled")
    assert (await service.get(f"/v1/jobs/{short(job['id'])}/events")).text.count("data:") >= 2
    assert (await service.post(f"/v1/jobs/{short(job['id'])}/retry")).json()["status"] == "queued"


async def test_a_beginning_of_several_jobs_is_refused_with_those_of_the_caller_only(service: Service) -> None:
    (one, other), shared = await two_jobs(service)
    theirs = await service.with_key(BOB).submit()
    for method, path in (("GET", ""), ("POST", "/cancel"), ("GET", "/events")):
        answer = await service.request(method, f"/v1/jobs/{shared}{path}")
        assert (answer.status_code, answer.json()["code"]) == (422, "ambiguous_id")
        assert answer.json()["errors"][0]["field"] == "job_id"
        assert all(each in answer.text for each in (one, other))
        assert theirs["id"] not in answer.text
    assert (await service.read({"id": one}))["status"] == "queued"


async def test_nobody_finds_another_callers_job_by_its_beginning(service: Service) -> None:
    job = await service.submit()
    for key, status in ((BOB, 404), (ADMIN, 200)):
        assert (await service.with_key(key).get(f"/v1/jobs/{short(job['id'])}")).status_code == status


async def test_lists_of_ids_and_cursors_take_beginnings(service: Service) -> None:
    jobs = [await service.submit() for _ in range(3)]
    first, second, third = (job["id"] for job in jobs)
    both = f"{short(first)},{short(third)},{third}"

    async def ids(**query: str) -> list[str]:
        return [job["id"] for job in (await service.get("/v1/jobs", params=query)).json()["data"]]

    assert await ids(ids=both) == [third, first]
    assert await ids(before=short(second)) == [first]
    assert await ids(after=short(second)) == [third]
    assert (await service.get("/v1/jobs", params={"ids": "job_7zzzzzzzzz"})).status_code == 422


async def test_bulk_requests_take_beginnings_and_change_nothing_if_one_is_ambiguous(service: Service) -> None:
    (one, other), shared = await two_jobs(service)
    for path in ("cancel", "retry", "delete", "release", "fail"):
        refused = await service.post(f"/v1/jobs/{path}", json={"ids": [one, shared]})
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "ids")
    assert (await service.read({"id": one}))["status"] == "queued"
    done = await service.post("/v1/jobs/cancel", json={"ids": [short(one), one, short(other)]})
    assert done.json()["changed"] == 2
    held = await service.hold()
    released = await service.post("/v1/jobs/release", json={"ids": [short(held["id"]), "job_7zzzzzzzzz"]})
    assert released.json()["changed"] == 1
    assert [each["id"] for each in released.json()["refused"]] == ["job_7zzzzzzzzz"]


async def test_too_many_short_ids_are_refused(service: Service) -> None:
    answer = await service.post(
        "/v1/jobs/cancel", json={"ids": [f"job_01h455vb4{n:03d}" for n in range(101)]}
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "ids")


async def test_input_images_take_the_beginning_of_an_assets_id(service: Service) -> None:
    uploaded = (await service.post("/v1/uploads", content=tiny_png("a cat", 1))).json()["id"]
    answer = await service.post("/v1/jobs", json=JOB | {"images": [short(uploaded)]})
    assert answer.json()["images"] == [uploaded]
    unknown = {"images": ["asset_7zzzzzzzzz"]}
    batch = await service.post(
        "/v1/jobs", json={"jobs": [JOB | unknown, JOB | {"images": [short(uploaded)]}]}
    )
    assert [each["index"] for each in batch.json()["accepted"]] == [1]
    assert batch.json()["rejected"][0]["code"] == "input_image_not_found"
    theirs = await service.with_key(BOB).post("/v1/jobs", json=JOB | {"images": [short(uploaded)]})
    assert theirs.json()["code"] == "input_image_not_found"
    assert (await service.get(f"/v1/assets/{short(uploaded)}")).json()["id"] == uploaded


async def test_webhooks_and_their_deliveries_are_found_by_beginnings(service: Service) -> None:
    webhook = await create_webhook(service)
    path = f"/v1/webhooks/{short(webhook['id'])}"
    assert (await service.get(path)).json()["id"] == webhook["id"]
    tested = (await service.post(f"{path}/test")).json()
    assert [each["id"] for each in (await service.get(f"{path}/deliveries")).json()["data"]] == [tested["id"]]
    found = await service.get(f"/v1/webhooks/deliveries/{short(tested['id'])}")
    assert found.json()["id"] == tested["id"]
    assert (await service.with_key(BOB).get(path)).status_code == 404
    assert (await service.request("DELETE", path)).status_code == 204
    assert (await service.get(path)).status_code == 404


@pytest.mark.parametrize("wanted", ["failed,stopped", "pending, failed"])
async def test_deliveries_are_filtered_by_several_states(service: Service, wanted: str) -> None:
    webhook = await create_webhook(service)
    await service.post(f"/v1/webhooks/{webhook['id']}/test")
    answer = await service.get(f"/v1/webhooks/{webhook['id']}/deliveries", params={"status": wanted})
    assert len(answer.json()["data"]) == ("pending" in wanted)
    wrong = await service.get(f"/v1/webhooks/{webhook['id']}/deliveries", params={"status": "failed,gone"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "status")


async def test_campaigns_are_found_by_beginnings_of_their_ids_unless_they_are_names(
    service: Service,
) -> None:
    definition = {"name": "night", "model": "gpt-image", "template": {"prompt": "a {thing}"}}
    made = (await service.post("/v1/campaigns", json=definition)).json()
    path = f"/v1/campaigns/{short(made['id'])}"
    for found in (path, f"{path}/failures"):
        assert (await service.get(found)).status_code == 200
        assert (await service.with_key(BOB).get(found)).status_code == 404
    assert (await service.get(path)).json()["id"] == made["id"]
    named = (await service.post("/v1/campaigns", json=definition | {"name": short(made["id"])})).json()
    assert (await service.get(path)).json()["id"] == named["id"]


async def test_a_held_job_is_decided_by_the_beginning_of_its_id(service: Service) -> None:
    job = await service.hold()
    assert (await service.post(f"/v1/jobs/{short(job['id'])}/fail")).json()["status"] == S.FAILED
