"""Examiner: each picture is looked at once, whatever it is, and nothing of it delays or loses a picture."""

import asyncio
from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import update

from models.checks.findings import found_in
from models.errors import StorageError
from models.operations.thumbnail_keys import thumbnail_key
from models.states import JobStatus
from models.tables import assets
from tests.support.darkroom import Darkroom
from tests.worker.campaigns.repairs import end_takes
from tests.worker.checks.stored import WHITE, change_request, examiner, found, make, noise, started, store
from worker.checks.examiner import CLAIM, MOST_TRIES
from worker.images.provenance.digital_source_type import mark
from worker.images.provenance.pieces import contents


async def test_a_picture_gets_thumbnails_beside_it_and_its_findings_once(darkroom: Darkroom) -> None:
    job = await darkroom.submit(await darkroom.caller())
    await store(darkroom, job, noise(1, size=(1200, 600)))
    await examiner(darkroom).run_round()
    (asset,) = await found(darkroom)
    assert (asset.checked_at, asset.check_due_at, asset.check_problem) == (darkroom.clock(), None, None)
    assert (asset.blank, asset.c2pa, asset.xmp, found_in(asset)) == (False, False, False, [])
    for side, (width, height, size) in asset.thumbnails.items():
        content = await darkroom.services.store.get(thumbnail_key(asset.key, int(side)))
        assert len(content) == size
        with Image.open(BytesIO(content)) as image:
            assert (image.format, image.size) == ("WEBP", (width, height))
    assert asset.thumbnails["960"][:2] == [960, 480]
    darkroom.clock.forward(hours=1)
    await examiner(darkroom).run_round()
    assert (await found(darkroom))[0].checked_at == asset.checked_at


async def test_blank_pictures_and_those_of_another_size_or_without_transparency_are_marked(
    darkroom: Darkroom,
) -> None:
    job = await darkroom.submit(await darkroom.caller())
    await change_request(darkroom, job, size="1024x1024", params={"background": "transparent"})
    await store(darkroom, job, WHITE)
    await examiner(darkroom).run_round()
    (asset,) = await found(darkroom)
    assert [check.value for check in found_in(asset)] == ["blank", "size", "ratio", "alpha"]


async def test_what_declares_its_origin_is_marked(darkroom: Darkroom) -> None:
    job, plain = await darkroom.submit(await darkroom.caller()), memoryview(noise(1))
    pieces, _ = mark(plain, "image/png", b"<x/>")
    await store(darkroom, job, b"".join(contents(plain, pieces)))
    await examiner(darkroom).run_round()
    assert found_in((await found(darkroom))[0]) == ["xmp"]


async def test_of_equal_and_similar_pictures_of_a_campaign_the_later_is_marked(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 5)
    jpeg = noise(1, "JPEG", (128, 96))
    await make(planned, noise(1), noise(2), noise(1), jpeg, WHITE)
    await examiner(planned).run_round()
    first, second, equal, similar, blank = await found(darkroom)
    assert (first.duplicate_of, first.near_duplicate_of) == (None, None)
    assert (second.duplicate_of, second.near_duplicate_of) == (None, None)
    assert (equal.duplicate_of, equal.near_duplicate_of) == (first.id, None)
    assert (similar.duplicate_of, similar.near_duplicate_of) == (None, first.id)
    assert (blank.duplicate_of, blank.near_duplicate_of) == (None, None)


async def test_pictures_of_other_campaigns_and_of_plain_jobs_are_not_compared(darkroom: Darkroom) -> None:
    one = await started(darkroom, 1)
    await make(one, noise(1))
    other = await started(darkroom, 1, name="autumn")
    plain = await darkroom.submit(other.caller)
    await store(darkroom, plain, noise(1))
    for item in await other.items():
        if item.campaign_id == other.id:
            await store(darkroom, item.job_id, noise(1))
    await examiner(darkroom).run_round()
    assert [found_in(each) for each in await found(darkroom)] == [[], [], []]


async def test_a_picture_that_can_not_be_decoded_is_marked_and_stops_no_other(darkroom: Darkroom) -> None:
    job = await darkroom.submit(await darkroom.caller())
    broken = bytearray(noise(1))
    broken[60:-40] = bytes(len(broken) - 100)  # its chunks' lengths are gone
    await store(darkroom, job, noise(2))
    await darkroom.services.store.put((await found(darkroom))[0].key, bytes(broken), content_type="image/png")
    await store(darkroom, job, noise(3), position=1)
    await examiner(darkroom).run_round()
    damaged, whole = await found(darkroom)
    assert (damaged.check_problem, damaged.thumbnails) == ("asset_truncated", None)
    assert found_in(damaged) == ["unreadable"]
    assert (found_in(whole), whole.thumbnails.keys()) == ([], {"320", "960"})


async def test_a_video_and_a_missing_file_are_examined_without_pixels(darkroom: Darkroom) -> None:
    job = await darkroom.submit(await darkroom.caller())
    first = await store(darkroom, job, noise(1))
    await store(darkroom, job, noise(2), position=1)
    async with darkroom.services.database.writing() as connection:
        video = update(assets).where(assets.c.id == first).values(content_type="video/mp4")
        await connection.execute(video)
        missing = update(assets).where(assets.c.id != first).values(key="ab/cd/gone.png")
        await connection.execute(missing)
    await examiner(darkroom).run_round()
    assert [(each.thumbnails, each.check_problem) for each in await found(darkroom)] == [
        (None, None),
        (None, "asset_missing"),
    ]


async def test_a_claim_of_a_killed_worker_ends_and_another_examines_the_picture(darkroom: Darkroom) -> None:
    job = await darkroom.submit(await darkroom.caller())
    await store(darkroom, job, noise(1))
    assert await examiner(darkroom)._claim()  # and its worker is killed
    await examiner(darkroom).run_round()
    assert (await found(darkroom))[0].checked_at is None
    darkroom.clock.forward(seconds=CLAIM.total_seconds() + 1)
    await examiner(darkroom).run_round()
    assert (await found(darkroom))[0].checked_at == darkroom.clock()


async def test_a_worker_that_stops_leaves_the_pictures_that_it_has_claimed_to_others_at_once(
    darkroom: Darkroom,
) -> None:
    job, stopping = await darkroom.submit(await darkroom.caller()), examiner(darkroom)
    for number in range(3):
        await store(darkroom, job, noise(number), position=number)
    assert await stopping._next() is not None  # it is in work when its worker stops
    await examiner(darkroom).run_round()
    assert [each.checked_at for each in await found(darkroom)] == [None] * 3
    running = asyncio.create_task(stopping.run())
    await asyncio.sleep(0)  # it begins
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await examiner(darkroom).run_round()
    assert sorted(each.checked_at is None for each in await found(darkroom)) == [False, False, True]


async def test_while_the_storage_is_away_a_picture_waits_and_is_given_up_after_several_tries(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await darkroom.submit(await darkroom.caller())
    await store(darkroom, job, noise(1))

    async def away(_key: str) -> bytes:
        raise StorageError("the bucket is away")

    monkeypatch.setattr(darkroom.services.store, "get", away)
    for tries in range(1, MOST_TRIES + 1):
        assert (await found(darkroom))[0].check_problem is None
        await examiner(darkroom).run_round()
        assert (await found(darkroom))[0].check_tries == tries
        darkroom.clock.forward(minutes=10)
    assert (await found(darkroom))[0].check_problem == "check_failed"


async def test_only_pictures_of_jobs_are_examined(darkroom: Darkroom) -> None:
    planned = await started(darkroom, 1)
    (item,) = await planned.items()
    await store(darkroom, item.job_id, noise(1))
    async with darkroom.services.database.writing() as connection:
        await connection.execute(update(assets).values(job_id=None, check_due_at=None))
    await examiner(darkroom).run_round()
    assert (await found(darkroom))[0].checked_at is None
    await end_takes(planned, [item.job_id], JobStatus.SUCCEEDED)
