"""Polling for the result of a call, and the JSON by which a lost call is kept."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from models.outcomes import Billed, CallResult, Outcome
from tests.support.darkroom import Darkroom, open_darkroom
from tests.support.task_provider import TASK, TaskProvider, task_provider
from tests.worker.leased import NOW, leased_job
from worker.practice.drawing.png import tiny_png
from worker.tasks.polling import WORKER_LOST, LostCall, PollAddress, poll_addresses, poll_once
from worker.upstream.handles import Handles
from worker.upstream.polling.poll import PollStage

TASK_PATH = f"/v1/images/tasks/{TASK}"
LINK = "https://example.com/poll"


def test_a_lost_call_is_written_by_the_members_that_every_version_knows() -> None:
    result = CallResult(
        Outcome.PENDING,
        "timeout",
        "It took long.",
        Billed.UNKNOWN,
        provider_status=202,
        provider_message="wait",
    )
    lost_call = LostCall(Handles("task-1"), 2, 1, NOW, result)
    assert lost_call.to_json() == {
        "recover": {
            "handles": Handles("task-1").to_json(),
            "number": 2,
            "used": 1,
            "since": NOW.isoformat(),
            "verdict": {
                "outcome": "pending",
                "code": "timeout",
                "message": "It took long.",
                "billed": "unknown",
                "provider_status": 202,
                "provider_message": "wait",
            },
        }
    }
    assert LostCall.of(lost_call.to_json()) == lost_call


@pytest.mark.parametrize("answer", [None, {}, {"pieces": [], "received_at": NOW.isoformat()}])
def test_an_answer_that_was_not_lost_is_no_lost_call(answer: dict[str, object] | None) -> None:
    assert LostCall.of(answer) is None


def test_a_lost_call_says_why_the_provider_is_polled() -> None:
    lost_call = LostCall(Handles("task-1"), 1, 1, NOW, WORKER_LOST)
    assert "nothing is paid twice" in lost_call.why
    pending = LostCall(Handles("task-1"), 1, 1, NOW, CallResult(Outcome.PENDING))
    assert "as a task" in pending.why


@pytest.fixture
async def provider() -> AsyncIterator[TaskProvider]:
    async with task_provider() as opened:
        yield opened


@pytest.fixture
async def room(plain_database_url: str, tmp_path: Path, provider: TaskProvider) -> AsyncIterator[Darkroom]:
    async with open_darkroom(
        plain_database_url, tmp_path, practice={}, upstream_base_url=provider.url
    ) as opened:
        yield opened


@pytest.mark.parametrize(
    ("handles", "channel", "addresses"),
    [
        (Handles(poll_url=LINK), "elsewhere", [PollAddress(LINK)]),
        (Handles("task-1"), "elsewhere", []),
        (Handles(task_urls=(LINK,)), "elsewhere", []),
        (Handles(seen=LINK), "upstream", []),
    ],
)
async def test_a_link_can_be_polled_anywhere_and_a_task_only_on_a_channel_that_has_tasks(
    room: Darkroom, handles: Handles, channel: str, addresses: list[PollAddress]
) -> None:
    worker = await room.worker()
    assert poll_addresses(worker.context, leased_job(channel=channel), handles) == addresses


async def test_the_key_goes_only_to_the_channels_own_origin(room: Darkroom, provider: TaskProvider) -> None:
    worker, job = await room.worker(), leased_job(channel="upstream")
    handles = Handles("t1", task_urls=("https://api.example.com/t1", f"{provider.url}/jobs/t1", "/status/t1"))
    addresses = poll_addresses(worker.context, job, handles)
    assert [address.url.removeprefix(provider.url) for address in addresses] == [
        *("/jobs/t1", "/status/t1", "/v1/images/tasks/t1", "/v1/tasks/t1", "/v1/images/generations/t1"),
        "/v1/responses/t1",
        "https://api.example.com/t1",
    ]
    assert [address.with_key for address in addresses] == [True] * 6 + [False]


async def test_the_task_path_that_showed_a_task_is_remembered(room: Darkroom, provider: TaskProvider) -> None:
    worker, job = await room.worker(), leased_job(channel="upstream")
    provider.respond(f"/v1/tasks/{TASK}", {"id": TASK, "status": "processing"})
    assert (await poll_once(worker.context, job, Handles(TASK))).stage is PollStage.RUNNING
    assert poll_addresses(worker.context, job, Handles("t2"))[0].url == f"{provider.url}/v1/tasks/t2"


async def test_a_background_response_is_polled_under_responses(
    room: Darkroom, provider: TaskProvider
) -> None:
    worker, job = await room.worker(), leased_job(channel="upstream")
    path, members = "/v1/responses/resp_1", {"id": "resp_1", "object": "response", "background": True}
    provider.respond(path, {**members, "status": "queued", "output": []})
    assert (await poll_once(worker.context, job, Handles("resp_1"))).stage is PollStage.RUNNING
    picture = base64.b64encode(tiny_png("a cat", 0)).decode()
    call = {"type": "image_generation_call", "status": "completed", "result": picture}
    provider.respond(path, {**members, "status": "completed", "output": [call]})
    state = await poll_once(worker.context, job, Handles("resp_1"))
    assert (state.stage, len(state.images)) == (PollStage.DONE, 1)
    refused = {"code": "moderation_blocked", "message": "blocked by our safety system"}
    provider.respond(path, {**members, "status": "failed", "error": refused, "output": []})
    state = await poll_once(worker.context, job, Handles("resp_1"))
    assert state.result is not None
    assert (state.stage, state.result.outcome) == (PollStage.FAILED, Outcome.PERMANENT)


async def test_a_link_that_is_gone_is_an_unknown_task(room: Darkroom, provider: TaskProvider) -> None:
    worker = await room.worker()
    state = await poll_once(
        worker.context, leased_job(channel="upstream"), Handles(poll_url=f"{provider.url}/gone")
    )
    assert state.stage is PollStage.UNKNOWN
