"""Deleted jobs and images answer 410, to those who could see them."""

from sqlalchemy import update

from models.tables import jobs
from tests.api.service import ADMIN, BOB, Service, key_of
from tests.worker.images.drawing import draw


async def ended(service: Service) -> dict[str, object]:
    """Return a job that succeeded with one image."""
    job = await service.submit()
    await service.finish(job, b"\x89PNG picture")
    return await service.read(job)


async def test_a_deleted_job_and_its_image_answer_410_with_a_hash(service: Service) -> None:
    job = await ended(service)
    (asset,) = job["assets"]
    gone = await service.request("DELETE", f"/v1/jobs/{job['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    for address in (f"/v1/jobs/{job['id']}", f"/v1/assets/{asset['id']}", asset["url"]):
        answer = await service.get(address)
        assert (answer.status_code, answer.json()["code"]) == (410, "gone"), address
        assert "at the request of its owner" in answer.json()["detail"]
        assert len(answer.json()["sha256"]) == 64
    assert (await service.request("DELETE", f"/v1/jobs/{job['id']}")).status_code == 410
    assert (await service.with_key(BOB).get(f"/v1/jobs/{job['id']}")).status_code == 404
    assert (await service.with_key(ADMIN).get(f"/v1/jobs/{job['id']}")).status_code == 410


async def test_an_open_job_is_not_deleted_and_says_why(service: Service) -> None:
    job = await service.submit()
    answer = await service.request("DELETE", f"/v1/jobs/{job['id']}")
    assert answer.status_code == 409
    assert "it is queued; cancel it first" in answer.json()["detail"]
    assert (await service.with_key(BOB).request("DELETE", f"/v1/jobs/{job['id']}")).status_code == 404
    assert (await service.read(job))["status"] == "queued"


async def test_one_image_is_deleted_and_its_job_stays(service: Service) -> None:
    job = await ended(service)
    (asset,) = job["assets"]
    async with service.services.database.writing() as connection:
        running = update(jobs).where(jobs.c.id == key_of(job)).values(status="storing")
        await connection.execute(running)
    assert (await service.request("DELETE", f"/v1/assets/{asset['id']}")).status_code == 409
    async with service.services.database.writing() as connection:
        await connection.execute(running.values(status="succeeded"))
    assert (await service.request("DELETE", f"/v1/assets/{asset['id']}")).status_code == 204
    assert (await service.get(f"/v1/assets/{asset['id']}")).status_code == 410
    assert (await service.get(asset["url"])).status_code == 410
    assert (await service.read(job))["assets"] == []


async def test_an_input_image_that_a_job_names_is_not_deleted(service: Service) -> None:
    uploaded = await service.post("/v1/uploads", content=draw("PNG"), headers={"Content-Type": "image/png"})
    asset = uploaded.json()["id"]
    await service.submit(images=[asset])
    answer = await service.request("DELETE", f"/v1/assets/{asset}")
    assert (answer.status_code, "names this input image" in answer.json()["detail"]) == (409, True)
