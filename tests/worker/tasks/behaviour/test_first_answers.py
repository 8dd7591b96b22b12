"""Tasks, event streams and drafts of the practice provider end as they must, with one paid call each."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.darkroom import open_darkroom
from worker.practice.drawing.png import tiny_png

TASKS = ["task_s", "task_a", "task_c", "task_e", "task_k"]


async def played(url: str, folder: Path, **options: Any) -> dict[str, Any]:
    """Let a worker do one job with the provider's options; return what is left of it."""
    practice = {"running": 2, "progress": "none"}
    async with open_darkroom(url, folder, practice=practice) as room:
        job_id = await room.submit(await room.caller(), practice=options)
        await (await room.worker()).run_round()
        job, channel = await room.job(job_id), await room.channel()
        attempt, *others = await room.attempts(job_id)
        calls = room.provider.call_log.calls
        return {
            "status": job.status,
            "attempt": (attempt.outcome, attempt.error_code),
            "calls": len(calls) + len(others),
            "prompt": calls[0].prompt,
            "pictures": list(calls[0].pictures),
            "assets": [
                (str(row.source_url).rpartition("/")[2], row.sha256) for row in await room.assets(job_id)
            ],
            "open": channel.tripped_at is None and channel.cooldown_until is None,
        }


def is_paid_once_and_stored(end: dict[str, Any]) -> bool:
    """Check that one call was paid, its picture is the job's, and the channel stays open."""
    assert (end["status"], end["attempt"], end["calls"], end["open"]) == (
        "succeeded",
        ("success", None),
        1,
        True,
    )
    assert [content for _, content in end["assets"]] == [sha256(tiny_png(end["prompt"], 1)).hexdigest()]
    return True


@pytest.mark.parametrize("deliver", TASKS)
async def test_an_accepted_task_is_polled_where_the_relay_serves_it(
    plain_database_url: str, tmp_path: Path, deliver: str
) -> None:
    end = await played(plain_database_url, tmp_path, deliver=deliver)
    assert is_paid_once_and_stored(end)
    assert [name for name, _ in end["assets"]] == end["pictures"]


@pytest.mark.parametrize("deliver", ["task_record", "image_body"])
async def test_a_finished_record_and_a_bare_image_are_results(
    plain_database_url: str, tmp_path: Path, deliver: str
) -> None:
    assert is_paid_once_and_stored(await played(plain_database_url, tmp_path, deliver=deliver))


@pytest.mark.parametrize("fault", ["joined", "drafts"])
@pytest.mark.parametrize("deliver", ["markdown_url", "markdown_data"])
async def test_joined_events_and_drafts_before_the_image_do_no_harm(
    plain_database_url: str, tmp_path: Path, deliver: str, fault: str
) -> None:
    assert is_paid_once_and_stored(await played(plain_database_url, tmp_path, deliver=deliver, fail=fault))


@pytest.mark.parametrize(
    ("fault", "status", "attempt"),
    [
        ("only_drafts", "held", ("ambiguous", "stream_truncated")),
        ("finished_task", "held", ("ambiguous", "no_image")),
        ("failed_task", "queued", ("retry", "upstream_error")),
    ],
)
async def test_what_shows_no_image_is_not_called_again_unless_the_provider_says_that_it_failed(
    plain_database_url: str, tmp_path: Path, fault: str, status: str, attempt: tuple[str, str]
) -> None:
    end = await played(plain_database_url, tmp_path, fail=fault)
    assert (end["status"], end["attempt"], end["calls"], end["open"]) == (status, attempt, 1, True)
    assert end["assets"] == []
