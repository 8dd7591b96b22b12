"""Each call of the official SDK that programs make, by both of its clients, against a fleet.

Two API processes, two workers, PostgreSQL and Valkey: the blocking client talks to one of the API processes
and the asynchronous one to the other, at the same time. Each prompt is called once, whatever times out.
"""

import asyncio
import base64
import io
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.api.openai.batches.batch_stack import ENDPOINT, FINAL, jsonl, line
from tests.api.openai.pictures import png
from tests.api.openai.stack import PATIENT
from tests.e2e.conftest import FleetOf
from tests.support.api_client import KEY
from tests.support.receiver import Receiver
from worker.practice.drawing.png import prompt_of

pytestmark = pytest.mark.slow(reason="six processes start; batches run, and clients time out")
MODEL = "practice-image"
SLOW = {"practice": {"delay": 2.5}}
TOOLS = [{"type": "image_generation"}]


@dataclass
class Program:
    """A program with one of the SDK's clients; ``called``: the prompts for each of which it pays once."""

    name: str
    client: Any
    folder: Path
    called: list[str] = field(default_factory=list)

    async def do(self, method: Any, *arguments: Any, **members: Any) -> Any:
        """Make a call by the client, in a thread if it blocks."""
        if isinstance(self.client, AsyncOpenAI):
            return await method(*arguments, **members)
        return await asyncio.to_thread(method, *arguments, **members)

    async def all_of(self, method: Any, **members: Any) -> list[Any]:
        """Return all that a call lists or streams."""
        if isinstance(self.client, AsyncOpenAI):
            found = method(**members)
            return [each async for each in (await found if asyncio.iscoroutine(found) else found)]
        return await asyncio.to_thread(lambda: list(method(**members)))

    def prompt(self, words: str) -> str:
        """Return a prompt of this program."""
        self.called.append(f"{words} of the {self.name} client")
        return self.called[-1]


async def files_and_batches(program: Program) -> None:
    """Upload, run and read a batch; list, cancel and delete."""
    do, files, batches = program.do, program.client.files, program.client.batches
    content = jsonl([line("a", program.prompt("line a")), line("b", program.prompt("line b"))])
    path = program.folder / f"{program.name}.jsonl"
    path.write_bytes(content)
    with path.open("rb") as opened:
        expiry = {"anchor": "created_at", "seconds": 3600}
        file = await do(files.create, file=opened, purpose="batch", expires_after=expiry)
    assert (await do(files.wait_for_processing, file.id, poll_interval=0.05)).status == "processed"
    shown = await do(files.retrieve, file.id)
    assert (shown.filename, shown.expires_at - shown.created_at) == (path.name, 3600)
    assert file.id in [each.id for each in await program.all_of(files.list, purpose="batch")]
    assert (await do(files.content, file.id)).read() == content

    options = {"endpoint": ENDPOINT, "completion_window": "24h", "metadata": {"by": program.name}}
    batch = await do(batches.create, input_file_id=file.id, **options)
    while batch.status not in FINAL:
        await asyncio.sleep(0.1)
        batch = await do(batches.retrieve, batch.id)
    assert (batch.status, batch.request_counts.completed, batch.error_file_id) == ("completed", 2, None)
    output = await do(files.content, batch.output_file_id)
    output.write_to_file(program.folder / f"{program.name}.out")
    written = (program.folder / f"{program.name}.out").read_text().splitlines()
    for lines in (output.text.splitlines(), list(output.iter_lines()), written):
        assert [json.loads(each)["custom_id"] for each in lines] == ["a", "b"]

    later, soon = [line("never", "never called")], (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    second = await do(files.create, file=("b.jsonl", io.BytesIO(jsonl(later))), purpose="batch")
    waiting = await do(batches.create, input_file_id=second.id, extra_body={"start_at": soon}, **options)
    assert (await do(batches.cancel, waiting.id)).status in ("cancelling", "cancelled")
    assert {batch.id, waiting.id} <= {each.id for each in await program.all_of(batches.list, limit=1)}
    assert (await do(files.delete, file.id)).deleted
    with pytest.raises(openai.NotFoundError) as gone:
        await do(files.retrieve, file.id)
    assert gone.value.request_id


async def pictures(program: Program) -> None:
    """Generate, edit, stream, and give up while the provider works."""
    do, images = program.do, program.client.images
    prompt = program.prompt("picture")
    made = await do(images.generate, model=MODEL, prompt=prompt)
    assert prompt_of(base64.b64decode(made.data[0].b64_json)) == prompt
    edit = await do(images.edit, model=MODEL, prompt=program.prompt("edit"), image=("a.png", png()))
    assert edit.data[0].url
    asked = {"model": MODEL, "prompt": program.prompt("streamed picture"), "stream": True}
    events = await program.all_of(images.generate, **asked)
    assert [event.type for event in events] == ["image_generation.completed"]
    impatient = program.client.with_options(timeout=1, max_retries=PATIENT).images
    late = await do(impatient.generate, model=MODEL, prompt=program.prompt("late"), extra_body=SLOW)
    assert late.data[0].url
    asked = {"prompt": program.prompt("refused"), "extra_body": {"practice": {"fail": "moderation"}}}
    with pytest.raises(openai.BadRequestError) as refused:
        await do(images.generate, model=MODEL, **asked)
    assert refused.value.code == "moderation_blocked"


async def chats(program: Program) -> None:
    """Complete a chat, streamed and not; list the models."""
    completions = program.client.chat.completions

    def asked(words: str) -> dict[str, Any]:
        return {"model": MODEL, "messages": [{"role": "user", "content": program.prompt(words)}]}

    done = await program.do(completions.create, **asked("chat"))
    assert done.choices[0].message.content.startswith("![image](http")
    chunks = await program.all_of(completions.create, stream=True, **asked("streamed chat"))
    assert "![image](http" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    impatient = program.client.with_options(timeout=1, max_retries=PATIENT).chat.completions
    assert (await program.do(impatient.create, **asked("late chat"), extra_body=SLOW)).choices
    assert MODEL in [each.id for each in await program.all_of(program.client.models.list)]
    assert (await program.do(program.client.models.retrieve, MODEL)).id == MODEL


async def responses(program: Program) -> None:
    """Respond, in the background and not; poll, resume a stream, cancel and delete."""
    do, api = program.do, program.client.responses
    asked: dict[str, Any] = {"model": MODEL, "tools": TOOLS}
    first = await do(api.create, input=program.prompt("response"), **asked)
    begun = await do(
        api.create,
        input=program.prompt("edited response"),
        previous_response_id=first.id,
        background=True,
        **asked,
    )
    polled = begun
    while polled.status in ("queued", "in_progress"):
        await asyncio.sleep(0.1)
        polled = await do(api.retrieve, begun.id)
    assert (polled.status, polled.output[0].type) == ("completed", "image_generation_call")
    events = await program.all_of(api.create, input=program.prompt("streamed response"), stream=True, **asked)
    again = await program.all_of(
        api.retrieve, response_id=events[-1].response.id, stream=True, starting_after=3
    )
    assert [each.sequence_number for each in again] == [each.sequence_number for each in events[4:]]
    waiting = await do(
        api.create,
        input="never called",
        background=True,
        extra_body={"darkroom": {"not_before": "2099-01-01T00:00:00Z"}},
        **asked,
    )
    assert (await do(api.cancel, waiting.id)).status == "cancelled"
    await do(api.delete, waiting.id)
    with pytest.raises(openai.NotFoundError):
        await do(api.retrieve, waiting.id)


async def webhooks(program: Program) -> None:
    """Manage an endpoint, and verify what it is sent."""
    receiver = Receiver()
    await receiver.start()
    try:
        await _webhooks(program, receiver)
    finally:
        await receiver.stop()


async def _webhooks(program: Program, receiver: Receiver) -> None:
    do, hooks = program.do, program.client.webhooks
    events = ["response.completed", "batch.completed"]
    made = await do(hooks.create, name=program.name, url=receiver.url, event_types=events)
    assert (await do(hooks.update, made.id, name="changed")).name == "changed"
    rotated = await do(hooks.rotate_secret, made.id, keep_old_secret_active_for_24_hours=True)
    assert made.id in [each.id for each in await program.all_of(hooks.list)]
    assert set(events) <= set((await do(hooks.event_types.list)).data)
    assert (await do(hooks.test, made.id, event_type="batch.completed")).success
    begun = await do(
        program.client.responses.create,
        model=MODEL,
        input=program.prompt("told response"),
        background=True,
    )
    async with asyncio.timeout(30):
        while not any(each.payload["data"].get("id") == begun.id for each in receiver.messages):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    for secret in (made.signing_secret, rotated.signing_secret):
        message = receiver.messages[-1]
        hooks.verify_signature(message.body, message.headers, secret=secret)
        assert hooks.unwrap(message.body, message.headers, secret=secret).type in events
    assert (await do(hooks.delete, made.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await do(hooks.retrieve, made.id)


async def run(program: Program) -> None:
    """Run all of a program at once."""
    async with asyncio.TaskGroup() as tasks:
        for part in (files_and_batches, pictures, chats, responses, webhooks):
            tasks.create_task(part(program), name=f"{part.__name__} of the {program.name} client")


async def test_each_call_of_both_clients_works_against_a_fleet_and_is_paid_once(
    fleet_of: FleetOf, tmp_path: Path
) -> None:
    fleet = await asyncio.to_thread(fleet_of, delay=0.1, upstream_models=MODEL, openai_wait="4")
    blocking = OpenAI(base_url=f"{fleet.urls[0]}/v1", api_key=KEY)
    other = AsyncOpenAI(base_url=f"{fleet.urls[1]}/v1", api_key=KEY)
    programs = [Program("blocking", blocking, tmp_path), Program("other", other, tmp_path)]
    with blocking:
        async with other:
            await asyncio.gather(*map(run, programs))
    wanted = [prompt for program in programs for prompt in program.called]
    counts = fleet.practice.call_counts()
    assert counts == {prompt: wanted.count(prompt) for prompt in wanted}, "nothing is paid twice"
    jobs = fleet.rows("SELECT count(*) FROM jobs WHERE surface = 'openai' AND status <> 'cancelled'")
    assert jobs == [(len(wanted),)]
