"""Retention deletes what is over its time, with its files, and nothing else."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, update

from models.ids import new_id
from models.operations.thumbnail_keys import thumbnail_key
from models.queries.assets import save_thumbnails
from models.queries.dashboard.audit import AuditEntry, insert_entry
from models.queries.operations.ended_jobs import set_keep
from models.queries.operations.file_deletions import count_file_deletions
from models.tables import assets, audit, callers, campaigns, jobs, spend, tombstones
from tests.support.darkroom import Darkroom, OneWorker
from tests.support.databases import LAYOUTS
from worker.retention.job_archive import unpack
from worker.retention.pruner import RetentionPruner

pytestmark = pytest.mark.parametrize("plain_database_url", LAYOUTS, indirect=True)


async def made(darkroom: Darkroom, worker: OneWorker, caller: UUID, **values: Any) -> UUID:
    """Submit a job and run it to its end."""
    job_id = await darkroom.submit(caller, **values)
    await worker.run_round()
    assert (await darkroom.job(job_id)).status == "succeeded"
    return job_id


async def count(darkroom: Darkroom, table: Any) -> int:
    async with darkroom.services.database.reading() as connection:
        return await connection.scalar(select(func.count()).select_from(table)) or 0


def files(folder: Path, below: str = "") -> list[Path]:
    """Return the stored files, without markers."""
    return [path for path in (folder / "pictures" / below).rglob("*.*") if ".databases" not in path.parts]


def age_all(folder: Path) -> None:
    """Let all stored files be two hours old; by the clock of the machine, as the store reads it."""
    for path in files(folder):
        os.utime(path, (path.stat().st_mtime - 7200,) * 2)


async def pruned(darkroom: Darkroom, worker: OneWorker) -> None:
    """Run one pass, whose walk is due."""
    await RetentionPruner(darkroom.services, worker.context.worker_id).run_pass()


async def test_an_old_job_is_archived_and_deleted_with_its_files(darkroom: Darkroom, tmp_path: Path) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    old = await made(darkroom, worker, caller, prompt="the first")
    darkroom.clock.forward(days=20)
    young = await made(darkroom, worker, caller, prompt="the second")
    (image,) = await darkroom.assets(old)
    spent = await count(darkroom, spend)
    age_all(tmp_path)
    darkroom.clock.forward(days=11)

    await pruned(darkroom, worker)

    assert [row.id for row in await darkroom._rows(select(jobs))] == [young]
    assert not (tmp_path / "pictures" / image.key).exists()
    (kept,) = await darkroom.assets(young)
    assert (tmp_path / "pictures" / kept.key).exists()
    (archive,) = files(tmp_path, "archive")
    (document,) = unpack(archive.read_bytes())
    assert (document["job"]["prompt"], document["assets"][0]["sha256"]) == ("the first", image.sha256)
    assert len(document["attempts"]) == 1
    gone = {row.kind: row for row in await darkroom._rows(select(tombstones))}
    assert gone["asset"].token == image.token
    assert (gone["job"].id, gone["job"].reason) == (old, "retention")
    assert await count(darkroom, spend) == spent, "what calls have cost stays"


async def test_archived_answers_go_before_their_job_and_leave_those_of_others(
    darkroom: Darkroom, tmp_path: Path
) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    first, second = await darkroom.submit(caller, prompt="one"), await darkroom.submit(caller, prompt="two")
    await worker.run_round()
    keys = [(await darkroom.attempts(job_id))[0].raw_key for job_id in (first, second)]
    async with darkroom.services.database.writing() as connection:
        recent = darkroom.clock()
        await connection.execute(update(jobs).where(jobs.c.id == first).values(finished_at=recent))
    darkroom.clock.forward(days=2)
    async with darkroom.services.database.writing() as connection:
        now = darkroom.clock()
        await connection.execute(update(jobs).where(jobs.c.id == second).values(finished_at=now))

    await pruned(darkroom, worker)

    assert (await darkroom.attempts(first))[0].raw_key is None
    assert (await darkroom.attempts(second))[0].raw_key == keys[1]
    left = b"".join(path.read_bytes() for path in files(tmp_path, "answers"))
    assert left.strip(b"\0"), "the answer of the second job is there"
    assert (await darkroom.job(first)).status == "succeeded"


async def test_prompts_are_erased_before_their_job_which_stays(darkroom: Darkroom, tmp_path: Path) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    async with darkroom.services.database.writing() as connection:
        own = update(callers).where(callers.c.id == caller)
        await connection.execute(own.values(retention={"prompts": 60}))
    job = await made(darkroom, worker, caller, prompt="a zebra")
    open_job = await darkroom.submit(caller, prompt="a gnu")
    darkroom.clock.forward(seconds=3600)
    for _ in range(2):
        await pruned(darkroom, worker)
        darkroom.clock.forward(seconds=3600)
    erased = await darkroom.job(job)
    assert erased.prompt.startswith("(erased: sha256 ")
    assert erased.prompt.endswith(", 7 characters)")
    assert (erased.request["erased"]["length"], erased.status) == (7, "succeeded")
    assert (await darkroom.attempts(job))[0].raw_key is None
    assert len(await darkroom.assets(job)) == 1
    assert (await darkroom.job(open_job)).prompt == "a gnu", "its call needs it"


async def test_thumbnails_go_before_their_picture(darkroom: Darkroom, tmp_path: Path) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    job = await made(darkroom, worker, caller)
    (image,) = await darkroom.assets(job)
    thumbnail = thumbnail_key(image.key, 320)
    await darkroom.services.store.put(thumbnail, b"small", content_type="image/webp")
    async with darkroom.services.database.writing() as connection:
        own = update(callers).where(callers.c.id == caller)
        await connection.execute(own.values(retention={"thumbnails": 3 * 86_400}))
        await save_thumbnails(connection, image.id, {"320": [320, 240, 5]})
    age_all(tmp_path)
    darkroom.clock.forward(days=4)
    await pruned(darkroom, worker)
    assert not (tmp_path / "pictures" / thumbnail).exists()
    assert (tmp_path / "pictures" / image.key).exists()


async def test_a_campaign_and_a_caller_that_keep_outrank_the_settings(darkroom: Darkroom) -> None:
    worker, caller, other = await darkroom.worker(), await darkroom.caller(), await darkroom.caller()
    async with darkroom.services.database.writing() as connection:
        at = darkroom.clock()
        kept = {"caller_id": caller, "name": "keep", "updated_at": at, "retention": {"jobs": "keep"}}
        await connection.execute(insert(campaigns).values(**kept))
        own = update(callers).where(callers.c.id == other).values(retention={"jobs": 40 * 86_400})
        await connection.execute(own)
    of_campaign = await made(darkroom, worker, caller, campaign="keep")
    of_other = await made(darkroom, worker, other)
    await made(darkroom, worker, caller)
    darkroom.clock.forward(days=31)
    await pruned(darkroom, worker)
    assert {row.id for row in await darkroom._rows(select(jobs))} == {of_campaign, of_other}
    darkroom.clock.forward(days=10)
    await pruned(darkroom, worker)
    assert [row.id for row in await darkroom._rows(select(jobs))] == [of_campaign]


async def test_a_job_that_is_kept_stays_whole_until_it_is_not(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    kept, late = await made(darkroom, worker, caller), await made(darkroom, worker, caller)
    raw = (await darkroom.attempts(kept))[0].raw_key

    async def keep(job_id: UUID, value: bool) -> bool | None:
        async with darkroom.services.database.writing() as connection:
            return await set_keep(connection, job_id, value)

    assert (await keep(kept, True), await keep(new_id(), True)) == (False, None)
    archive = RetentionPruner._archive

    async def keep_then_archive(self: RetentionPruner, job_ids: Sequence[UUID]) -> None:
        await keep(late, True)
        await archive(self, job_ids)

    darkroom.clock.forward(days=31)
    with monkeypatch.context() as patch:
        patch.setattr(RetentionPruner, "_archive", keep_then_archive)
        await pruned(darkroom, worker)
    assert {row.id for row in await darkroom._rows(select(jobs))} == {kept, late}
    assert raw is not None
    assert (await darkroom.attempts(kept))[0].raw_key == raw
    assert await keep(kept, False) is True
    await pruned(darkroom, worker)
    assert [row.id for row in await darkroom._rows(select(jobs))] == [late]


async def test_a_picture_goes_with_the_last_job_that_has_the_same_content(
    darkroom: Darkroom, tmp_path: Path
) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    first = await made(darkroom, worker, caller)
    (image,) = await darkroom.assets(first)
    darkroom.clock.forward(days=20)
    second = await made(darkroom, worker, caller)
    async with darkroom.services.database.writing() as connection:
        from_first = {"key": image.key, "sha256": image.sha256}
        await connection.execute(update(assets).where(assets.c.job_id == second).values(**from_first))
    age_all(tmp_path)
    darkroom.clock.forward(days=11)
    await pruned(darkroom, worker)
    assert (tmp_path / "pictures" / image.key).exists()
    darkroom.clock.forward(days=20)
    await pruned(darkroom, worker)
    assert not (tmp_path / "pictures" / image.key).exists()
    async with darkroom.services.database.reading() as connection:
        assert await count_file_deletions(connection) == 0


async def test_open_jobs_and_those_that_a_worker_drops_stay(darkroom: Darkroom) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    waiting = await darkroom.submit(caller)
    dropped = await darkroom.submit(caller)
    async with darkroom.services.database.writing() as connection:
        ended = {
            "status": "cancelled",
            "finished_at": darkroom.clock(),
            "worker_id": worker.context.worker_id,
        }
        await connection.execute(update(jobs).where(jobs.c.id == dropped).values(**ended))
    darkroom.clock.forward(days=99)
    await pruned(darkroom, worker)
    assert {row.id for row in await darkroom._rows(select(jobs))} == {waiting, dropped}


async def test_only_the_worker_that_was_started_first_prunes(darkroom: Darkroom) -> None:
    first, second, caller = await darkroom.worker(), await darkroom.worker(), await darkroom.caller()
    await made(darkroom, first, caller)
    darkroom.clock.forward(days=31)
    await pruned(darkroom, second)
    assert await count(darkroom, jobs) == 1
    await pruned(darkroom, first)
    assert await count(darkroom, jobs) == 0


async def test_entries_of_the_audit_log_and_tombstones_have_periods_of_their_own(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.retention.pruner._RECORDS", 2)
    worker = await darkroom.worker()
    settings = darkroom.services.settings.model_copy(
        update={"retention_audit": 86_400.0, "retention_tombstones": 172_800.0}
    )
    object.__setattr__(darkroom.services, "settings", settings)
    for _ in range(5):
        at = darkroom.clock()
        entry = AuditEntry(at=at, by="a", role="admin", through="api", action="x")
        stone = {"id": new_id(), "kind": "job", "caller_id": new_id(), "sha256": "", "reason": "purge"}
        async with darkroom.services.database.writing() as connection:
            await insert_entry(connection, entry)
            await connection.execute(insert(tombstones).values(**stone, deleted_at=at))
        darkroom.clock.forward(hours=13)
    await pruned(darkroom, worker)
    assert (await count(darkroom, audit), await count(darkroom, tombstones)) == (1, 3)
