"""Recovery: a lost answer is polled for instead of being paid for again."""

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row

from tests.support.darkroom import Darkroom, OneWorker, open_darkroom
from tests.support.task_provider import HANG, PNG, TASK, WHOLE, TaskProvider, task_provider
from tests.worker.tasks.beats import heartbeat
from worker.lifecycle import cancel_job
from worker.tasks.recovery import LIMIT

TASKS = f"/v1/images/tasks/{TASK}"
SOURCE = f"/source/{TASK}"
KEY = "Bearer practice-key-practice"
RUNNING = {"id": TASK, "status": "running", "running": True, "urls": []}


@dataclass
class Scene:
    """A Darkroom with one caller, one worker, and a provider that can be polled."""

    room: Darkroom
    provider: TaskProvider
    caller: UUID

    async def submit(self, **values: Any) -> UUID:
        return await self.room.submit(self.caller, **values)

    async def worked(self, **values: Any) -> tuple[UUID, Row[Any]]:
        """Let a worker do one job as far as it goes."""
        worker, job_id = await self.room.worker(), await self.submit(**values)
        await worker.run_round()
        return job_id, await self.room.job(job_id)

    async def outcome(self, job_id: UUID) -> tuple[str, str | None, str]:
        """Return the last attempt's outcome, code and cost."""
        attempt = (await self.room.attempts(job_id))[-1]
        return attempt.outcome, attempt.error_code, attempt.billed

    def lose(self, *, link: bool = True, ending: str = "cut") -> None:
        """Let calls name their task, and break off."""
        known = f">[数据预览]({self.provider.url}/web/{TASK}) | [原始数据]({self.provider.link})\n"
        self.provider.respond_with_stream(
            f"> ID: `{TASK}`\n" + known * link, ">🏃 进度 14..38..", ending=ending
        )

    def found(self, *names: str) -> dict[str, Any]:
        """Return what the provider says when it is done."""
        urls = [self.provider.picture(name) for name in names or ("a.png",)]
        return {"id": TASK, "status": "completed", "running": False, "urls": urls}


@asynccontextmanager
async def open_scene(url: str, folder: Path) -> AsyncIterator[Scene]:
    async with (
        task_provider() as provider,
        open_darkroom(url, folder, practice={}, upstream_base_url=provider.url) as room,
    ):
        yield Scene(room, provider, await room.caller())


@pytest.fixture
async def scene(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_scene(plain_database_url, tmp_path) as opened:
        yield opened


async def in_flight(scene: Scene, worker: OneWorker, job_id: UUID) -> "asyncio.Task[None]":
    """Let a worker call, and return once its attempt has handles to poll with."""
    await worker.dispatcher.run_round()
    working = asyncio.create_task(worker.deliver())
    for _ in range(500):
        rows: Sequence[Row[Any]] = await scene.room.attempts(job_id)
        if rows and rows[0].handles:
            return working
        await asyncio.sleep(0.01)
    raise AssertionError("no handles were written down")


async def test_a_cut_stream_is_recovered_from_its_public_link_without_a_key(scene: Scene) -> None:
    scene.lose()
    scene.provider.respond(SOURCE, RUNNING, (503, {}), scene.found())
    job_id, job = await scene.worked()
    assert (job.status, job.error, job.answer) == ("succeeded", None, None)
    assert scene.provider.calls == 1
    assert scene.provider.keys(SOURCE) == [None, None, None]
    assert await scene.outcome(job_id) == ("success", None, "yes")
    assert len(await scene.room.assets(job_id)) == 1
    (attempt,) = await scene.room.attempts(job_id)
    assert attempt.handles == {"task_id": TASK, "poll_url": scene.provider.link, "gen_ids": []}
    assert (await scene.room.statuses(job_id))[-1] == "succeeded"


async def test_a_cut_stream_is_recovered_by_its_task_with_the_channels_key(scene: Scene) -> None:
    scene.lose(link=False)
    scene.provider.respond(TASKS, {"code": "success", "data": {"status": "SUCCESS", "data": scene.found()}})
    job_id, job = await scene.worked()
    assert (job.status, scene.provider.calls) == ("succeeded", 1)
    assert scene.provider.keys(TASKS) == [KEY]
    assert await scene.outcome(job_id) == ("success", None, "yes")


async def test_an_accepted_task_is_polled_to_its_end(scene: Scene) -> None:
    steps = [{"data": {"status": "IN_PROGRESS", "progress": f"{percent}%"}} for percent in (10, 45, 30, 60)]
    scene.provider.respond(TASKS, *steps, {"data": {"status": "SUCCESS", "data": scene.found()}})
    shown: list[int] = []
    worker, job_id = await scene.room.worker(), await scene.submit()
    await worker.run_round()
    assert (await scene.room.job(job_id)).status == "succeeded"
    shown = [row.progress for row in await scene.room.events(job_id)]
    assert shown == sorted(shown)
    assert {10, 45, 60} <= set(shown)
    assert scene.provider.calls == 1


async def test_a_good_answer_that_only_names_its_task_is_polled_for_before_another_call(
    scene: Scene,
) -> None:
    scene.provider.respond_with_stream(f"> ID: `{TASK}`\n> 排队中\n", ending=WHOLE)
    scene.provider.respond(TASKS, scene.found())
    job_id, job = await scene.worked()
    assert (job.status, scene.provider.calls) == ("succeeded", 1)
    assert await scene.outcome(job_id) == ("success", None, "yes")


async def test_pictures_inside_the_tasks_answer_need_no_download(scene: Scene) -> None:
    data = base64.b64encode(PNG).decode()
    scene.provider.respond(TASKS, {"status": "succeeded", "data": [{"b64_json": data}]})
    job_id, job = await scene.worked()
    assert job.status == "succeeded"
    assert await scene.outcome(job_id) == ("success", None, "yes")
    assert (await scene.room.assets(job_id))[0].source_url is None


async def test_what_moderation_refused_fails_in_words(scene: Scene) -> None:
    scene.lose()
    scene.provider.respond(
        SOURCE, RUNNING, {"id": TASK, "status": "failed", "failure_reason": "input_moderation"}
    )
    job_id, job = await scene.worked()
    assert (job.status, job.error["code"]) == ("failed", "moderation_input")
    assert "change it" in job.error["message"]
    assert await scene.outcome(job_id) == ("permanent", "moderation_input", "no")
    assert (await scene.room.channel()).tripped_at is None


async def test_a_task_that_failed_is_called_again(scene: Scene) -> None:
    scene.provider.respond(
        TASKS, {"data": {"status": "FAILURE", "fail_reason": "upstream timeout"}}, scene.found()
    )
    worker, job_id = await scene.room.worker(), await scene.submit()
    await worker.run_round()
    job = await scene.room.job(job_id)
    assert (job.status, job.attempts_used, job.answer) == ("queued", 1, None)
    assert await scene.outcome(job_id) == ("retry", "upstream_error", "likely_no")
    scene.room.clock.forward(minutes=5)
    await worker.run_round()
    assert (await scene.room.job(job_id)).status == "succeeded"
    assert scene.provider.calls == 2


@pytest.mark.parametrize(
    ("on_unknown", "status"),
    [("hold", "held"), ("fail", "failed"), ("retry", "queued"), ("retry_once", "queued")],
)
async def test_a_task_that_never_ends_is_left_to_the_jobs_policy(
    scene: Scene, on_unknown: str, status: str
) -> None:
    scene.provider.respond(TASKS, {"data": {"status": "IN_PROGRESS"}})
    began = scene.room.clock()
    job_id, job = await scene.worked(on_unknown=on_unknown)
    assert job.status == status
    assert LIMIT <= scene.room.clock() - began < LIMIT * 1.01
    assert await scene.outcome(job_id) == ("ambiguous", "timeout", "unknown")
    assert scene.provider.calls == 1
    if status in ("held", "failed"):
        assert "for 10 minutes" in job.error["message"]


async def test_retry_once_pays_for_a_lost_answer_a_single_time(scene: Scene) -> None:
    worker, job_id = await scene.room.worker(), await scene.submit(on_unknown="retry_once")
    for _ in range(3):
        await worker.run_round()
        scene.room.clock.forward(minutes=10)
    assert (await scene.room.job(job_id)).status == "failed"
    assert scene.provider.calls == 2


async def test_a_provider_that_does_not_know_the_task_is_polled_three_times(
    scene: Scene,
) -> None:
    scene.lose()
    job_id, job = await scene.worked()
    assert (job.status, job.error["code"]) == ("held", "stream_truncated")
    assert "does not show it" in job.error["message"]
    assert (len(scene.provider.keys(SOURCE)), len(scene.provider.keys(TASKS))) == (3, 3)
    assert await scene.outcome(job_id) == ("ambiguous", "stream_truncated", "unknown")


@pytest.mark.parametrize("path", [f"/v1/tasks/{TASK}", f"/v1/images/generations/{TASK}"])
async def test_the_task_path_of_a_relay_is_found_by_polls_that_cost_nothing(scene: Scene, path: str) -> None:
    scene.provider.respond(path, {"id": TASK, "status": "processing"}, scene.found())
    job_id, job = await scene.worked()
    assert (job.status, scene.provider.calls) == ("succeeded", 1)
    assert scene.provider.keys(path) == [KEY, KEY]
    assert await scene.outcome(job_id) == ("success", None, "yes")


async def test_the_address_in_the_answer_of_a_task_is_polled_first(scene: Scene) -> None:
    scene.provider.taken = {
        "id": TASK,
        "status": "queued",
        "status_url": f"/jobs/{TASK}",
        "result_url": "/out",
    }
    scene.provider.respond(f"/jobs/{TASK}", {"status": "IN_PROGRESS"}, {"status": "COMPLETED"})
    scene.provider.respond("/out", {"images": [{"url": scene.provider.picture()}]})
    job_id, job = await scene.worked()
    assert (job.status, scene.provider.calls, scene.provider.keys(TASKS)) == ("succeeded", 1, [])
    assert scene.provider.keys("/out") == [KEY]
    assert await scene.outcome(job_id) == ("success", None, "yes")


async def test_a_result_without_a_host_is_fetched_from_the_channel(scene: Scene) -> None:
    scene.provider.picture("0123456789")
    scene.provider.respond(
        TASKS, {"status": "succeeded", "result": {"data": [{"url": "/pictures/0123456789"}]}}
    )
    job_id, job = await scene.worked()
    assert (job.status, scene.provider.calls) == ("succeeded", 1)
    (asset,) = await scene.room.assets(job_id)
    assert asset.source_url == f"{scene.provider.url}/pictures/0123456789"


async def test_a_link_into_a_private_network_is_not_followed(scene: Scene) -> None:
    scene.provider.respond_with_stream("[原始数据](http://10.0.0.1/source/x)\n")
    _, job = await scene.worked()
    assert (job.status, job.error["code"]) == ("held", "stream_truncated")
    assert scene.provider.requests == []


async def test_some_pictures_are_better_than_none_when_the_time_is_over(scene: Scene) -> None:
    images = [
        {"url": scene.provider.picture(), "status": "completed"},
        {"url": None, "status": "running"},
    ]
    scene.provider.respond(TASKS, {"id": TASK, "status": "running", "images": images})
    job_id, job = await scene.worked()
    assert (job.status, len(await scene.room.assets(job_id))) == ("succeeded", 1)


async def test_a_killed_workers_call_is_recovered_by_another(scene: Scene) -> None:
    scene.lose(ending=HANG)
    scene.provider.respond(SOURCE, scene.found())
    lost_call, other = await scene.room.worker(), await scene.room.worker()
    job_id = await scene.submit()
    call = await in_flight(scene, lost_call, job_id)
    beats = heartbeat(other)
    for _ in range(5):
        await beats.beat()
        scene.room.clock.forward(seconds=scene.room.services.settings.worker_timeout / 3)
    assert (await scene.room.job(job_id)).status == "storing"
    await other.run_round()
    job = await scene.room.job(job_id)
    assert (job.status, job.attempts_used, scene.provider.calls) == ("succeeded", 1, 1)
    assert await scene.outcome(job_id) == ("success", None, "yes")
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)


async def test_a_call_that_a_stopping_worker_drops_is_recovered_by_another(scene: Scene) -> None:
    scene.lose(ending=HANG)
    scene.provider.respond(SOURCE, scene.found())
    worker, job_id = await scene.room.worker(), await scene.submit()
    call = await in_flight(scene, worker, job_id)
    (task,) = filter(None, worker.context.in_flight.jobs.values())
    task.cancel()
    await call
    job = await scene.room.job(job_id)
    assert (job.status, job.worker_id) == ("storing", None)
    await (await scene.room.worker()).run_round()
    assert (await scene.room.job(job_id)).status == "succeeded"
    assert scene.provider.calls == 1


@pytest.mark.parametrize("name", ["task\0_1234", "task\ud800_1234", "t" * 9000])
async def test_a_task_whose_name_nobody_can_write_down_is_none(scene: Scene, name: str) -> None:
    scene.provider.respond_with_stream(f"> ID: `{name}`\n", ending="cut")
    job_id, job = await scene.worked()
    assert (job.status, job.worker_id) == ("held", None)
    assert (await scene.outcome(job_id))[0] == "ambiguous"


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "stopped"])
async def test_a_picture_that_streamed_past_a_lost_worker_is_fetched_by_another(
    scene: Scene, killed: bool
) -> None:
    link = scene.provider.picture()
    scene.provider.respond_with_stream(f"![cat]({link})", ending=HANG)
    lost_call, other = await scene.room.worker(), await scene.room.worker()
    job_id = await scene.submit()
    call = await in_flight(scene, lost_call, job_id)
    beats = heartbeat(other)
    for _ in range(5 * killed):
        await beats.beat()
        scene.room.clock.forward(seconds=scene.room.services.settings.worker_timeout / 3)
    if not killed:
        (task,) = filter(None, lost_call.context.in_flight.jobs.values())
        task.cancel()
        await call
    await other.run_round()
    job, (asset,) = await scene.room.job(job_id), await scene.room.assets(job_id)
    assert (job.status, asset.source_url, scene.provider.calls) == ("succeeded", link, 1)
    assert await scene.outcome(job_id) == ("success", None, "yes")
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)


async def test_a_worker_that_stops_leaves_polling_to_another_with_the_same_time_limit(
    scene: Scene,
) -> None:
    scene.provider.respond(TASKS, {"data": {"status": "IN_PROGRESS"}})
    worker, job_id = await scene.room.worker(), await scene.submit()
    began = scene.room.clock()

    def halt_later() -> None:
        if scene.room.clock() - began > LIMIT / 2:
            worker.context.in_flight.halt.set()

    scene.provider.on_request = halt_later
    await worker.run_round()
    job = await scene.room.job(job_id)
    assert (job.status, job.worker_id) == ("storing", None)
    await (await scene.room.worker()).run_round()
    assert (await scene.room.job(job_id)).status == "held"
    assert scene.room.clock() - began < LIMIT * 1.01


async def test_a_job_may_be_cancelled_while_its_answer_is_polled_for(scene: Scene) -> None:
    scene.provider.respond(TASKS, {"data": {"status": "IN_PROGRESS"}})
    worker, job_id = await scene.room.worker(), await scene.submit()
    context = asyncio.Event()
    scene.provider.on_request = context.set
    await worker.dispatcher.run_round()
    working = asyncio.create_task(worker.deliver())
    await context.wait()
    async with scene.room.services.database.writing() as connection:
        assert await cancel_job(connection, job_id, at=scene.room.clock())
    await heartbeat(worker).beat()
    await working
    assert (await scene.room.job(job_id)).status == "cancelled"


def whole(scene: Scene, *names: str) -> None:
    """Let calls answer well, with pictures and with a link to what the provider keeps."""
    pictures = "\n\n".join(f"![p]({scene.provider.picture(name)})" for name in names)
    scene.provider.respond_with_stream(f"> [原始数据]({scene.provider.link})\n\n{pictures}\n", ending=WHOLE)


EXPIRED = (403, b"<Error><Message>Request has expired</Message></Error>")


async def test_a_picture_whose_link_has_expired_is_fetched_by_a_fresh_one(scene: Scene) -> None:
    whole(scene, "a.png", "b.png")
    scene.provider.respond("/pictures/b.png", EXPIRED)
    scene.provider.respond(SOURCE, scene.found("a.png", "fresh.png"))
    job_id, job = await scene.worked()
    assert job.status == "succeeded"
    sources = [asset.source_url for asset in await scene.room.assets(job_id)]
    assert sources == [f"{scene.provider.url}/pictures/a.png"]  # the same bytes are kept once
    assert ("/pictures/fresh.png", None) in scene.provider.requests
    assert scene.provider.calls == 1


async def test_an_image_that_is_gone_everywhere_is_lost_and_not_paid_for_again(scene: Scene) -> None:
    whole(scene, "a.png")
    scene.provider.respond("/pictures/a.png", EXPIRED)
    job_id, job = await scene.worked(on_unknown="retry")
    assert (job.status, job.error["code"], job.error["outcome"]) == ("failed", "asset_expired", "needs_human")
    assert scene.provider.calls == 1
    assert await scene.outcome(job_id) == ("success", None, "yes")


async def test_fresh_links_are_polled_for_later_when_the_provider_is_busy(scene: Scene) -> None:
    whole(scene, "a.png")
    scene.provider.respond("/pictures/a.png", EXPIRED)
    scene.provider.respond(SOURCE, (503, {}), scene.found("fresh.png"))
    worker, job_id = await scene.room.worker(), await scene.submit()
    await worker.run_round()
    assert (await scene.room.job(job_id)).status == "storing"
    scene.room.clock.forward(seconds=30)
    await worker.run_round()
    assert (await scene.room.job(job_id)).status == "succeeded"
    assert scene.provider.calls == 1


@pytest.mark.parametrize("case", ["S010", "R075"])
async def test_every_unfinished_answer_of_the_practice_provider_is_recovered(
    plain_database_url: str, tmp_path: Path, case: str
) -> None:
    practice = {"running": 2, "interval": 0}
    async with open_darkroom(plain_database_url, tmp_path, practice=practice) as room:
        job_id = await room.submit(await room.caller(), practice={"case": case})
        await (await room.worker()).run_round()
        job, (attempt,) = await room.job(job_id), await room.attempts(job_id)
        assert (job.status, len(await room.assets(job_id))) == ("succeeded", 1)
        assert (attempt.outcome, attempt.billed) == ("success", "yes")
        assert len(room.provider.call_log.calls) == 1
