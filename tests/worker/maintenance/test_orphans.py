"""Orphans: which files may be deleted, and which assets have lost theirs."""

import os
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from models.clock import now
from models.operations.thumbnail_keys import thumbnail_key
from models.queries.assets import insert_assets
from models.tables import assets
from tests.support.darkroom import Darkroom, open_darkroom
from worker.asset_store import StoredImage, content_key
from worker.images.inspection import ImageInfo
from worker.maintenance.orphans import (
    Ownership,
    check_assets,
    claim,
    deletable_before,
    delete_orphans,
    unnamed_files,
)
from worker.pending_images import InlineImage, PendingAnswer, ReadyImage, RemoteImage
from worker.storage.object_store import StoredFile

AGE = timedelta(days=7)
LONG_AGO = timedelta(days=400)


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


def image(content: bytes) -> StoredImage:
    return StoredImage.of(sha256(content).hexdigest(), ImageInfo("image/png", "png", 3, 2), len(content))


async def put(darkroom: Darkroom, folder: Path, content: bytes, *, age: timedelta = LONG_AGO) -> StoredImage:
    """Store a file and set its age."""
    stored = image(content)
    await darkroom.services.store.put(stored.key, content, content_type="image/png")
    at = (darkroom.clock() - age).timestamp()
    os.utime(folder / "pictures" / stored.key, (at, at))
    return stored


async def listed(darkroom: Darkroom) -> list[StoredFile]:
    shards = [f"{number:02x}/" for number in range(256)]
    return [file for shard in shards for file in await darkroom.services.store.list_files(shard, limit=99)]


async def deleted(darkroom: Darkroom, *, since: timedelta = timedelta(days=999)) -> list[str]:
    services = darkroom.services
    ownership = Ownership(darkroom.clock() - since)
    before = deletable_before(ownership, AGE, darkroom.clock())
    assert before is not None
    files = await listed(darkroom)
    return [
        file.key for file in await delete_orphans(services.database, services.store, files, ownership, before)
    ]


async def asset_of(darkroom: Darkroom, caller: UUID, stored: StoredImage) -> UUID:
    new = stored.as_asset(caller_id=caller, at=darkroom.clock())
    async with darkroom.services.database.writing() as connection:
        await insert_assets(connection, [new])
    return new.id


async def test_an_old_file_that_nothing_names_is_deleted_and_any_other_is_kept(
    darkroom: Darkroom, tmp_path: Path
) -> None:
    caller = await darkroom.caller()
    orphan = await put(darkroom, tmp_path, b"orphan")
    await put(darkroom, tmp_path, b"of a submit in progress", age=timedelta(minutes=5))
    await put(darkroom, tmp_path, b"of an earlier version", age=timedelta(days=1000))
    named = await put(darkroom, tmp_path, b"named twice")
    for _ in range(2):
        await asset_of(darkroom, caller, named)
    kept = {file.key for file in await listed(darkroom)} - {orphan.key}
    assert await deleted(darkroom) == [orphan.key]
    assert {file.key for file in await listed(darkroom)} == kept


async def test_a_thumbnail_is_kept_as_long_as_an_asset_names_its_picture(
    darkroom: Darkroom, tmp_path: Path
) -> None:
    named, orphan = await put(darkroom, tmp_path, b"named"), image(b"gone with its job")
    await asset_of(darkroom, await darkroom.caller(), named)
    at = (darkroom.clock() - LONG_AGO).timestamp()
    for each in (named, orphan):
        key = thumbnail_key(each.key, 320)
        await darkroom.services.store.put(key, b"small", content_type="image/webp")
        os.utime(tmp_path / "pictures" / key, (at, at))
    assert await deleted(darkroom) == [thumbnail_key(orphan.key, 320)]


async def test_the_images_of_a_job_that_is_being_stored_are_kept(darkroom: Darkroom, tmp_path: Path) -> None:
    stored, spare, inline = [await put(darkroom, tmp_path, each) for each in (b"one", b"two", b"three")]
    pending = PendingAnswer(
        [ReadyImage(stored), RemoteImage("https://example.com/a.png", spare=spare), InlineImage(inline)],
        darkroom.clock(),
    )
    caller = await darkroom.caller()
    await darkroom.submit(caller, status="storing", answer=pending.to_json())
    assert await deleted(darkroom) == []


@pytest.mark.parametrize(
    "key",
    [
        "ab/cd/notes.png",
        f"ab/cd/{'ef' * 32}.png",
        f"{content_key('ab' * 32, 'png')}.bak",
        content_key("ab" * 32, "txt"),
        "ab/report.pdf",
    ],
)
async def test_a_file_that_darkroom_did_not_write_is_never_an_orphan(darkroom: Darkroom, key: str) -> None:
    file = StoredFile(key, 1, darkroom.clock() - LONG_AGO)
    assert await unnamed_files(darkroom.services.database, [file]) == []


async def test_a_storage_that_another_database_uses_too_is_left_alone(
    darkroom: Darkroom, tmp_path: Path
) -> None:
    services = darkroom.services
    assert await claim(services.database, services.store) == Ownership(None)  # no caller: nothing is its own
    await darkroom.caller()
    alone = await claim(services.database, services.store)
    assert alone.since is not None
    assert alone == await claim(services.database, services.store)
    await services.store.put(".databases/another", b"", content_type="text/plain")
    shared = await claim(services.database, services.store)
    assert shared == Ownership(None, [".databases/another"])
    assert deletable_before(shared, AGE, darkroom.clock()) is None


def test_orphans_are_kept_for_an_hour_at_least_and_for_ever_if_the_setting_is_zero() -> None:
    at, owned = now(), Ownership(now())
    assert deletable_before(owned, timedelta(), at) is None
    assert deletable_before(owned, timedelta(seconds=1), at) == at - timedelta(hours=1)
    assert deletable_before(owned, AGE, at) == at - AGE


async def test_an_asset_without_a_file_is_marked_until_its_file_is_back(
    darkroom: Darkroom, tmp_path: Path
) -> None:
    services, caller = darkroom.services, await darkroom.caller()
    await asset_of(darkroom, caller, await put(darkroom, tmp_path, b"here"))
    lost = await asset_of(darkroom, caller, image(b"lost"))

    async def marked() -> set[UUID]:
        async with services.database.reading() as connection:
            return set(await connection.scalars(select(assets.c.id).where(assets.c.missing_at.is_not(None))))

    first = await check_assets(services.database, services.store, None, limit=1, at=darkroom.clock())
    assert (first.checked, first.last is None) == (1, False)
    rest = await check_assets(services.database, services.store, first.last, limit=9, at=darkroom.clock())
    assert ([row.id for row in rest.missing], rest.last, await marked()) == ([lost], None, {lost})
    await put(darkroom, tmp_path, b"lost")
    again = await check_assets(services.database, services.store, None, limit=9, at=darkroom.clock())
    assert (again.missing, again.found_again, await marked()) == ([], [lost], set())
