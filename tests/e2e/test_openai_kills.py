"""The official SDK against a fleet whose API process is killed: nothing is lost or paid twice."""

import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from openai import OpenAI

from tests.e2e.conftest import FleetOf
from tests.support.api_client import KEY
from tests.support.fleet import Fleet
from tests.support.processes import until

pytestmark = pytest.mark.slow(reason="four processes start, one is killed and started again")
MODEL, ENDPOINT = "practice-image", "/v1/images/generations"
LINES = 32
MANY, FIRST = 10_000, 4  #: lines of a batch that is killed while it is validated, and those of them that run


def kill_and_restart(fleet: Fleet) -> None:
    """End the only API process as ``kill -9`` does; the SDK repeats what it cut."""
    fleet.apis[0].kill()
    fleet.apis[0].start()
    fleet.await_api(0)


def called(fleet: Fleet, prompt: str) -> Callable[[], bool]:
    """Return whether a prompt is at the provider."""
    return lambda: fleet.practice.call_counts()[prompt] > 0


def upload(client: OpenAI, count: int, words: str) -> str:
    """Upload the lines of a batch."""
    lines = [
        {
            "custom_id": f"{number}",
            "method": "POST",
            "url": ENDPOINT,
            "body": {"model": MODEL, "prompt": f"{words} {number}"},
        }
        for number in range(count)
    ]
    content = b"".join(json.dumps(each).encode() + b"\n" for each in lines)
    return client.files.create(file=("in.jsonl", io.BytesIO(content)), purpose="batch").id


def ask(client: OpenAI, kind: str) -> Any:
    """Ask for a picture that takes its time, and wait for it."""
    slow: Any = {"extra_body": {"practice": {"delay": 4}}}
    match kind:
        case "picture":
            return client.images.generate(model=MODEL, prompt=kind, **slow).data
        case "chat":
            messages: Any = [{"role": "user", "content": kind}]
            return client.chat.completions.create(model=MODEL, messages=messages, **slow).choices
    return client.responses.create(model=MODEL, input=kind, **slow).output


def test_a_killed_api_process_neither_loses_nor_doubles_batches_pictures_chats_and_responses(
    fleet_of: FleetOf,
) -> None:
    fleet = fleet_of(delay=1, apis=1, workers=1, openai_wait="4", worker_slots="8")
    options: Any = {"base_url": f"{fleet.urls[0]}/v1", "api_key": KEY, "max_retries": 20}
    with OpenAI(**options) as client, ThreadPoolExecutor() as threads:
        batch = client.batches.create(
            input_file_id=upload(client, LINES, "line"), endpoint=ENDPOINT, completion_window="24h"
        )
        fleet.practice.wait_finished(4)
        background = client.responses.create(model=MODEL, input="background", background=True)
        kinds = ("picture", "chat", "response")
        waiting = [threads.submit(ask, client, kind) for kind in kinds]
        for kind in kinds:
            until(called(fleet, kind), within=30, what=f"{kind} is called")
        assert not any(each.done() for each in waiting)
        kill_and_restart(fleet)  # in the middle of the batch and of the calls whose clients wait
        assert all(each.result(timeout=60) for each in waiting)

        ended = until(
            lambda: (found := client.batches.retrieve(batch.id)).status == "completed" and found,
            within=60,
            what="the batch is completed",
        )
        assert ended.request_counts.to_dict() == {"total": LINES, "completed": LINES, "failed": 0}
        lines = [json.loads(each) for each in client.files.content(ended.output_file_id).text.splitlines()]
        assert [line["custom_id"] for line in lines] == [f"{number}" for number in range(LINES)]
        assert client.responses.retrieve(background.id).status == "completed"
        assert [each.id for each in client.batches.list()] == [batch.id]

    prompts = {f"line {number}" for number in range(LINES)} | {*kinds, "background"}
    assert fleet.practice.call_counts() == dict.fromkeys(prompts, 1), "nothing is paid twice"
    assert fleet.rows("SELECT count(*) FROM jobs WHERE surface = 'openai'") == [(len(prompts),)]
    pictures = {line["response"]["body"]["x_assets"][0]["sha256"] for line in lines}
    assert len(pictures) == LINES


def test_a_batch_whose_validation_was_killed_goes_on_with_each_line_once(fleet_of: FleetOf) -> None:
    fleet = fleet_of(delay=0.1, apis=1, workers=1)
    options: Any = {"base_url": f"{fleet.urls[0]}/v1", "api_key": KEY, "max_retries": 20}
    with OpenAI(**options) as client:
        batch = client.batches.create(
            input_file_id=upload(client, MANY, "many"),
            endpoint=ENDPOINT,
            completion_window="24h",
            extra_body={"canary": {"items": FIRST}},
        )
        until(lambda: imported(fleet) > 0, within=90, what="lines are imported", every=0.02)
        fleet.apis[0].kill()
        assert imported(fleet) < MANY
        assert fleet.rows("SELECT status, claim IS NULL FROM openai_batches") == [("validating", False)]
        fleet.apis[0].start()
        fleet.await_api(0)
        running = until(
            lambda: (found := client.batches.retrieve(batch.id)).status == "in_progress" and found,
            within=60,
            what="the batch is validated",
        )
        assert running.request_counts.total == MANY
        until(
            lambda: client.batches.retrieve(batch.id).request_counts.completed == FIRST,
            within=60,
            what="the first lines are completed",
        )
        assert [each.id for each in client.batches.list()] == [batch.id]
    lines = fleet.rows("SELECT count(*), count(DISTINCT key), count(DISTINCT position) FROM campaign_rows")
    assert lines == [(MANY, MANY, MANY)]
    assert fleet.rows("SELECT count(*) FROM campaigns") == [(1,)]
    assert sorted(fleet.practice.call_counts().values()) == [1] * FIRST


def imported(fleet: Fleet) -> int:
    """Return how many lines are rows of the batch's campaign."""
    return int(fleet.rows("SELECT count(*) FROM campaign_rows")[0][0])
