"""Deduplication of submits: by Idempotency-Key, and by content if the settings say so."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import update

from models.tables import idempotency_keys
from tests.api.midjourney.actions_support import press_button, single
from tests.api.midjourney.stack import MidjourneyStack, open_stack
from tests.api.midjourney.strict_types import accepted, rejected
from tests.api.service import BOB


async def _send(
    stack: MidjourneyStack,
    key: str,
    verb: str = "imagine",
    *,
    prefix: str = "",
    by: str | None = None,
    **body: Any,
) -> dict[str, Any]:
    headers = {"Idempotency-Key": key} | ({} if by is None else {"mj-api-secret": by})
    answer = await stack.call("POST", f"{prefix}/mj/submit/{verb}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    envelope: dict[str, Any] = answer.json()
    return envelope


async def _age(stack: MidjourneyStack, seconds: int) -> None:
    """Make all recorded keys so much older."""
    async with stack.darkroom.services.database.writing() as connection:
        row = idempotency_keys.c.created_at
        oldest = stack.darkroom.clock() - timedelta(seconds=seconds)
        await connection.execute(update(idempotency_keys).where(row.is_not(None)).values(created_at=oldest))


async def test_the_same_key_and_body_is_the_same_task_even_when_sent_at_once(
    each_stack: MidjourneyStack,
) -> None:
    envelopes = await asyncio.gather(*(_send(each_stack, "order 1", prompt="a cat") for _ in range(4)))
    later = await _send(each_stack, "order 1", prompt="a cat")

    assert {accepted(each) for each in envelopes} == {accepted(later)}
    assert later["code"] == 1
    assert len(await each_stack.jobs()) == 4
    assert (await _send(each_stack, "order 2", prompt="a cat"))["result"] != later["result"]


async def test_a_key_stands_for_one_request_of_one_caller(each_stack: MidjourneyStack) -> None:
    first = accepted(await _send(each_stack, "order", prompt="a cat"))

    for other in (
        {"prompt": "a dog"},
        {"prompt": "a cat", "state": "x"},
        {"prompt": "a cat", "prefix": "/mj-relax"},
    ):
        refusal = await _send(each_stack, "order", **other)
        rejected(refusal, 4)
        assert "Idempotency-Key" in refusal["description"]
    refusal = await _send(each_stack, "order", "describe", base64="")
    rejected(refusal, 4)
    assert accepted(await _send(each_stack, "order", by=BOB, prompt="a cat")) != first
    assert len(await each_stack.jobs()) == 8


async def test_a_key_of_the_native_api_is_another_one(stack: MidjourneyStack) -> None:
    job = {"model": "practice-image", "prompt": "a cat"}
    headers = {"Idempotency-Key": "order", "Authorization": f"Bearer {BOB}"}
    for _ in range(2):
        accepted(await _send(stack, "order", by=BOB, prompt="a cat"))
        answer = await stack.service.client.post("/v1/jobs", json=job, headers=headers)
        assert answer.status_code in (200, 202), answer.text
    assert len(await stack.jobs()) == 5


async def test_a_refused_submit_leaves_its_key_free_and_an_old_key_is_forgotten(
    stack: MidjourneyStack,
) -> None:
    rejected(await _send(stack, "order", prompt=""), 4)
    first = accepted(await _send(stack, "order", prompt="a cat"))

    await _age(stack, 2 * 86_400)
    assert accepted(await _send(stack, "order", prompt="a dog")) != first


async def test_what_is_no_key_is_refused_by_name(stack: MidjourneyStack) -> None:
    refusal = await _send(stack, "k" * 300, prompt="a cat")

    rejected(refusal, 4)
    assert "Idempotency-Key" in refusal["description"]


async def test_buttons_and_dialogs_honour_keys_too(each_stack: MidjourneyStack) -> None:
    task = await single(each_stack)
    zoom = next(each["customId"] for each in task["buttons"] if "CustomZoom" in each["customId"])
    pressed = [await _send(each_stack, "open", "action", taskId=task["id"], customId=zoom) for _ in range(2)]
    assert pressed[0] == pressed[1]
    assert pressed[0]["code"] == 21

    number = pressed[0]["result"]
    before = len(await each_stack.jobs())
    for _ in range(2):
        envelope = await _send(each_stack, "go", "modal", taskId=number, prompt="a cat --zoom 2")
        assert accepted(envelope) == number
    assert len(await each_stack.jobs()) == before + 4
    again = await _send(each_stack, "open", "action", taskId=task["id"], customId=zoom)
    assert (again["code"], again["result"]) == (1, number)


async def test_without_a_key_the_same_twice_is_two_tasks(stack: MidjourneyStack) -> None:
    assert await stack.number() != await stack.number()


async def test_the_same_content_again_is_one_task_where_the_settings_say_so(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_stack(
        plain_database_url, tmp_path, midjourney_deduplicate=60, midjourney_queue=1
    ) as stack:
        envelopes = await asyncio.gather(*(stack.submit("imagine", prompt="a cat") for _ in range(3)))
        first = accepted(envelopes[0])

        assert {accepted(each) for each in envelopes} == {first}
        assert sorted("same" in each["description"] for each in envelopes) == [False, True, True]
        await stack.work()
        assert await stack.number() == first
        assert await stack.number(state="another") != first
        await stack.work()
        ends = [await press_button(stack, await stack.fetch(first), ":upsample::1") for _ in range(2)]
        assert accepted(ends[0]) == accepted(ends[1])
        assert accepted(await _send(stack, "on purpose", prompt="a cat")) != first
        await stack.work()
        await _age(stack, 61)
        assert await stack.number() != first


async def test_a_failed_task_is_no_duplicate(plain_database_url: str, tmp_path: Path) -> None:
    async with open_stack(plain_database_url, tmp_path, midjourney_deduplicate=60) as stack:
        words = "a cat [fail moderation]"
        failed = await stack.done(prompt=words)
        assert failed["status"] == "FAILURE"

        second = await stack.number(prompt=words)
        assert second != failed["id"]
        assert await stack.number(prompt=words) == second
        await stack.call("POST", f"/mj/task/{second}/cancel")
        assert await stack.number(prompt=words) != second
