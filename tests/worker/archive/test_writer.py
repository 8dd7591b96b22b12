"""Raw responses, archived with the attempts that they came from."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from models.errors import StorageError
from models.outcomes import Outcome
from tests.support.darkroom import Darkroom, open_darkroom
from worker.archive.format import ArchivedResponse, load, parse_archived
from worker.archive.record_log import RecordLog, read_record
from worker.storage.store import Store

PRACTICE = {"deliver": "markdown_data", "interval": 0}


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice=PRACTICE) as opened:
        yield opened


async def developed(darkroom: Darkroom, **practice: Any) -> tuple[Any, Any]:
    """Develop a job; return its row and its only attempt."""
    worker = await darkroom.worker()
    job_id = await darkroom.submit(await darkroom.caller(), practice=practice)
    await worker.run_round()
    (attempt,) = await darkroom.attempts(job_id)
    return await darkroom.job(job_id), attempt


async def archived_response(darkroom: Darkroom, attempt: Any) -> ArchivedResponse:
    assert attempt.raw_key is not None
    return load(await read_record(darkroom.services.store, attempt.raw_key))


async def test_a_success_is_archived_beside_its_image_and_reparses_the_same(darkroom: Darkroom) -> None:
    job, attempt = await developed(darkroom, picture="64k")
    kept = await archived_response(darkroom, attempt)
    assert attempt.raw_key.startswith(f"answers/{darkroom.clock():%Y/%m/%d}/")
    (asset,) = await darkroom.assets(job.id)
    assert kept.blobs == {asset.sha256: asset.key}
    assert (kept.status, kept.failure, kept.about["attempt"]) == (200, None, 1)
    blobs = {digest: await darkroom.services.store.get(key) for digest, key in kept.blobs.items()}
    again = parse_archived(kept, blobs)
    assert again.outcome == Outcome.SUCCESS
    assert again.answer is not None
    assert [picture.blob for picture in again.answer.images] == list(blobs.values())


@pytest.mark.parametrize(
    ("practice", "status", "outcome"),
    [
        ({"fail": "502"}, 502, "retry"),
        ({"fail": "reset"}, None, "ambiguous"),
        ({"fail": "no_picture"}, 200, "no_image"),
    ],
)
async def test_a_failure_is_archived_with_its_facts(
    darkroom: Darkroom, practice: dict[str, Any], status: int | None, outcome: str
) -> None:
    _, attempt = await developed(darkroom, **practice)
    kept = await archived_response(darkroom, attempt)
    assert (attempt.outcome, kept.about["outcome"], kept.status) == (outcome, outcome, status)
    assert parse_archived(kept, {}).outcome == outcome
    assert (kept.failure is None) == (status is not None)


async def test_the_key_is_in_nothing_that_is_archived(darkroom: Darkroom, tmp_path: Path) -> None:
    await developed(darkroom, fail="401")
    key = darkroom.services.routes["upstream"].settings.api_key.get_secret_value()
    kept = [load(path.read_bytes()) for path in (tmp_path / "pictures/answers").rglob("*.jsonl.gz")]
    assert kept
    assert all(key not in repr(each) for each in kept)
    assert all("authorization" not in each.headers for each in kept)


@pytest.mark.parametrize(
    ("choice", "of_success", "of_failure"), [("failures", False, True), ("off", False, False)]
)
async def test_the_settings_say_which_responses_are_archived(
    plain_database_url: str, tmp_path: Path, choice: str, of_success: bool, of_failure: bool
) -> None:
    async with open_darkroom(
        plain_database_url, tmp_path, practice=PRACTICE, keep_answers=choice
    ) as darkroom:
        _, good = await developed(darkroom)
        _, bad = await developed(darkroom, fail="502")
        assert (good.raw_key is not None, bad.raw_key is not None) == (of_success, of_failure)


class NoAnswers:
    """A store that takes pictures only."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def put(self, key: str, source: bytes | Path, *, content_type: str) -> None:
        if key.startswith("answers/"):
            raise StorageError("the disk is full")
        await self._store.put(key, source, content_type=content_type)


async def test_a_result_does_not_depend_on_its_archive(darkroom: Darkroom) -> None:
    record_log = RecordLog(NoAnswers(darkroom.services.store))
    darkroom.services = replace(darkroom.services, record_log=record_log)
    job, attempt = await developed(darkroom)
    assert (job.status, attempt.outcome, attempt.raw_key) == ("succeeded", "success", None)
