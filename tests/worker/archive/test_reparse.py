"""Archived responses, reparsed: images found later are stored without a new call."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import update

from models.queries.call_stats import not_understood
from models.queries.jobs import find_job
from models.states import JobStatus
from models.tables import attempts, jobs
from tests.support.darkroom import Darkroom, open_darkroom
from worker.archive.format import dump, load
from worker.archive.record_log import read_record
from worker.archive.reparse import ReparseResult, explain_job, reparse
from worker.images.limits import Limits

S = JobStatus


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={"interval": 0}) as opened:
        yield opened


async def read(darkroom: Darkroom, job_id: UUID) -> ReparseResult:
    services, caller_id = darkroom.services, (await darkroom.job(job_id)).caller_id
    async with services.database.reading() as connection:
        row = await find_job(connection, job_id, caller_id=caller_id)
    assert row is not None
    return await reparse(services.database, services.store, row, limits=Limits(), at=darkroom.clock())


async def developed(darkroom: Darkroom, **practice: Any) -> UUID:
    """Develop a job that ends at its first call."""
    job_id = await darkroom.submit(await darkroom.caller(), practice=practice, max_attempts=1)
    await (await darkroom.worker()).run_round()
    return job_id


async def misread(darkroom: Darkroom, job_id: UUID, status: JobStatus) -> None:
    """Pretend that an older parser found nothing: the job ended so, without its pictures."""
    async with darkroom.services.database.writing() as connection:
        await connection.execute(update(jobs).where(jobs.c.id == job_id).values(status=status.value))
        missed = {"outcome": "no_image", "error_code": "no_image", "billed": "unknown"}
        await connection.execute(update(attempts).where(attempts.c.job_id == job_id).values(**missed))
        await connection.exec_driver_sql("DELETE FROM assets")


async def archive_instead(darkroom: Darkroom, job_id: UUID, record: bytes) -> None:
    """Keep another answer for a job's call."""
    key = await darkroom.services.record_log.put(record, darkroom.clock())
    async with darkroom.services.database.writing() as connection:
        await connection.execute(update(attempts).where(attempts.c.job_id == job_id).values(raw_key=key))


@pytest.mark.parametrize("status", [S.HELD, S.FAILED])
@pytest.mark.parametrize(
    "practice",
    [
        {"deliver": "markdown_data", "picture": "64k"},
        {"deliver": "markdown_data", "picture": "tiny"},
        {"deliver": "markdown_url", "picture": "tiny"},
    ],
    ids=["long inline", "short inline", "link"],
)
async def test_images_that_were_missed_are_stored_without_a_new_call(
    darkroom: Darkroom, practice: dict[str, str], status: JobStatus
) -> None:
    job_id = await developed(darkroom, **practice)
    (before,) = await darkroom.assets(job_id)
    await misread(darkroom, job_id, status)

    result = await read(darkroom, job_id)
    assert (result.moved, result.found) == (True, 1)
    assert (await darkroom.job(job_id)).status == S.STORING
    await darkroom.workers[0].run_round()
    job, (asset,), (attempt,) = (
        await darkroom.job(job_id),
        await darkroom.assets(job_id),
        await darkroom.attempts(job_id),
    )
    assert (job.status, job.generation, job.error, asset.sha256) == ("succeeded", 1, None, before.sha256)
    assert (attempt.outcome, attempt.error_code, attempt.billed) == ("success", None, "yes")
    assert len(darkroom.provider.call_log.calls) == 1


async def test_a_job_that_has_its_pictures_is_left_alone(darkroom: Darkroom) -> None:
    for practice in ({"deliver": "markdown_data"}, {"deliver": "markdown_url"}):
        job_id = await developed(darkroom, picture="tiny", **practice)
        result = await read(darkroom, job_id)
        assert (result.moved, result.found, result.attempts[0].found) == (False, 0, True)
        assert (await darkroom.job(job_id)).status == "succeeded"


async def test_only_the_pictures_that_a_job_lacks_are_added_and_it_can_not_fail_for_them(
    darkroom: Darkroom,
) -> None:
    job_id = await developed(darkroom, picture="tiny", deliver="markdown_url")
    (attempt,), store = await darkroom.attempts(job_id), darkroom.services.store
    kept = load(await read_record(store, attempt.raw_key))
    (asset,) = await darkroom.assets(job_id)
    for extra in (f"![more](data:image/png;base64,{TINY})", f"![gone]({darkroom.provider.url}/nothing.png)"):
        body = b'{"choices":[{"message":{"content":"![a](%b)\\n\\n%b"}}]}' % (
            asset.source_url.encode(),
            extra.encode(),
        )
        await archive_instead(darkroom, job_id, dump(replace(kept, body=body)))
        assert (await read(darkroom, job_id)).found == 1
        for _ in range(9):
            await darkroom.workers[0].run_round()
            darkroom.clock.forward(minutes=10)
        assert (await darkroom.job(job_id)).status == "succeeded"
        assert [row.position for row in await darkroom.assets(job_id)] == [0, 1]


TINY = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="


async def test_links_that_are_dead_by_now_may_be_had_afresh(darkroom: Darkroom) -> None:
    job_id = await developed(darkroom, picture="tiny", deliver="markdown_url")
    (attempt,) = await darkroom.attempts(job_id)
    kept = load(await read_record(darkroom.services.store, attempt.raw_key))
    body = b'{"choices":[{"message":{"content":"> ID: `task_9`\\n![a](https://gone.example/a.png)"}}]}'
    await archive_instead(darkroom, job_id, dump(replace(kept, body=body)))
    await misread(darkroom, job_id, S.HELD)
    assert (await read(darkroom, job_id)).moved
    assert (await darkroom.job(job_id)).answer["handles"]["task_id"] == "task_9"


async def test_an_answer_without_pictures_is_explained_and_the_job_stays(darkroom: Darkroom) -> None:
    job_id = await developed(darkroom, fail="refusal")
    status = (await darkroom.job(job_id)).status
    result = await read(darkroom, job_id)
    (reading,) = result.attempts
    assert reading.explanation is not None
    assert (result.moved, reading.explanation.outcome) == (False, "permanent")
    assert (await darkroom.job(job_id)).status == status


@pytest.mark.parametrize("words", ["insufficient balance", "content policy violation", "model not found"])
async def test_an_archived_error_that_repeats_the_prompt_is_read_without_the_prompts_words(
    darkroom: Darkroom, words: str
) -> None:
    prompt = f"a street at night with an old neon sign: {words}"
    job_id = await darkroom.submit(await darkroom.caller(), prompt, practice={"fail": "502"}, max_attempts=1)
    await (await darkroom.worker()).run_round()
    (attempt,) = await darkroom.attempts(job_id)
    services = darkroom.services
    kept = load(await read_record(services.store, attempt.raw_key))
    body = orjson.dumps({"error": {"message": f"Could not draw this: {prompt}", "type": "api_error"}})
    await archive_instead(darkroom, job_id, dump(replace(kept, status=500, body=body)))
    read_again = [*(await read(darkroom, job_id)).attempts]
    read_again += await explain_job(services.database, services.store, job_id)
    found = [parsed.explanation and parsed.explanation.document() for parsed in read_again]
    assert [(each["outcome"], each["error_code"]) for each in found if each] == [
        ("retry", "upstream_error")
    ] * 2


async def test_what_a_job_got_is_explained_and_counted_for_its_channel(darkroom: Darkroom) -> None:
    job_id = await developed(darkroom, fail="unknown_answer")
    services, at = darkroom.services, darkroom.clock()
    (parsed,) = await explain_job(services.database, services.store, job_id)
    assert parsed.explanation is not None
    assert parsed.explanation.document()["decided_by"] == "content that no rule understands"
    assert (await darkroom.job(job_id)).status == "held"
    async with services.database.reading() as connection:
        recent = await not_understood(connection, "upstream", at - timedelta(hours=1))
        older = await not_understood(connection, "upstream", at + timedelta(hours=1))
    assert (list(recent), list(older)) == ([job_id], [])
    counted = REGISTRY.get_sample_value("darkroom_answers_not_understood_total", {"channel": "upstream"})
    assert counted is not None
    assert counted >= 1


async def test_a_response_that_can_not_be_read_has_a_reason(darkroom: Darkroom) -> None:
    job_id = await developed(darkroom, fail="502")
    store = darkroom.services.store
    await archive_instead(darkroom, job_id, b"no gzip")
    assert "damaged" in ((await read(darkroom, job_id)).attempts[0].problem or "")
    await store.delete((await darkroom.attempts(job_id))[0].raw_key.partition("#")[0])
    assert "gone" in ((await read(darkroom, job_id)).attempts[0].problem or "")
