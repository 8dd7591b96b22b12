"""Tests of webhook endpoints, and what the SDK verifies of our deliveries."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import openai
import pytest
from sqlalchemy import update

from models.tables import jobs
from tests.api.openai.batches.batch_stack import line, open_batch_stack
from tests.api.openai.stack import MODEL, OpenAiStack
from tests.support.receiver import Receiver
from tests.worker.webhooks.webhook_worker import new_webhook_worker
from worker.maintenance.expiry import expire_overdue


@asynccontextmanager
async def delivering(stack: OpenAiStack) -> AsyncIterator[None]:
    """Deliver webhooks until the end of the context."""
    worker = new_webhook_worker(stack.darkroom)

    async def deliver() -> None:
        while True:
            await worker.send()
            await asyncio.sleep(0.05)

    task = asyncio.create_task(deliver())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await worker.context.close()


async def test_a_test_says_what_the_receiver_answered_and_the_sdk_verifies_it(stack: OpenAiStack) -> None:
    receiver = Receiver()
    await receiver.start()
    client = stack.client()
    made = await client.webhooks.create(name="n", url=receiver.url, event_types=["batch.completed"])
    async with delivering(stack):
        tested = await client.webhooks.test(made.id, event_type="batch.completed")
        receiver.responses.append(500)
        failed = await client.webhooks.test(made.id, event_type="batch.failed")
    assert (tested.success, tested.status_code, tested.webhook_endpoint_id) == (True, 200, made.id)
    assert failed.status_code == 500
    message = receiver.messages[0]
    event = client.webhooks.unwrap(message.body, message.headers, secret=made.signing_secret)
    assert (event.type, event.id) == ("batch.completed", message.headers["webhook-id"])
    with pytest.raises(openai.InvalidWebhookSignatureError):
        client.webhooks.unwrap(message.body + b" ", message.headers, secret=made.signing_secret)
    await receiver.stop()


async def test_a_receiver_that_is_not_there_is_told_in_words(stack: OpenAiStack) -> None:
    client = stack.client()
    made = await client.webhooks.create(name="n", url="http://127.0.0.1:9/", event_types=["batch.completed"])
    async with delivering(stack):
        with pytest.raises(openai.BadRequestError) as refused:
            await client.webhooks.test(made.id, event_type="batch.completed")
    assert (refused.value.code, bool(refused.value.message)) == ("webhook_unreachable", True)


async def test_other_events_are_refused(stack: OpenAiStack) -> None:
    client = stack.client()
    made = await client.webhooks.create(name="n", url="http://127.0.0.1:9/", event_types=["batch.completed"])
    with pytest.raises(openai.BadRequestError) as refused:
        await client.webhooks.test(made.id, event_type="video.completed")
    assert refused.value.param == "event_type"


async def test_ends_of_background_responses_and_of_batches_are_unwrapped_by_the_sdk(
    sqlite_url: str, tmp_path: Path
) -> None:
    receiver = Receiver()
    await receiver.start()
    types: list[Any] = [
        *("response.completed", "response.failed", "response.cancelled", "response.incomplete"),
        *("batch.completed", "batch.failed"),
    ]
    ask: dict[str, Any] = {"model": MODEL, "input": "a fox"}
    later = {"darkroom": {"not_before": "2099-01-01T00:00:00Z"}}
    async with open_batch_stack(sqlite_url, tmp_path) as batches, delivering(batches.stack):
        client = batches.stack.client()
        made = await client.webhooks.create(name="n", url=receiver.url, event_types=types)
        done = await client.responses.create(**ask, background=True)
        lost = await client.responses.create(
            **ask, background=True, extra_body={"practice": {"fail": "moderation"}}
        )
        gone = await client.responses.create(**ask, background=True, extra_body=later)
        await client.responses.cancel(gone.id)
        late = await client.responses.create(**ask, background=True, extra_body=later)
        database, at = batches.services.database, batches.services.clock()
        async with database.writing() as connection:
            await connection.execute(update(jobs).where(jobs.c.not_before > at).values(expires_at=at))
        await expire_overdue(database, at)
        await client.responses.create(**ask)  # its client waits: there is no event
        good, bad = await batches.create([line("a")]), await batches.create(b"{")
        async with asyncio.timeout(20):
            while len(receiver.messages) < 6:  # noqa: ASYNC110 - over HTTP
                await asyncio.sleep(0.03)
        unwrapped = [
            client.webhooks.unwrap(message.body, message.headers, secret=made.signing_secret)
            for message in receiver.messages
        ]
        assert {(event.type, event.data.id) for event in unwrapped} == {
            ("response.completed", done.id),
            ("response.failed", lost.id),
            ("response.cancelled", gone.id),
            ("response.incomplete", late.id),
            ("batch.completed", good.id),
            ("batch.failed", bad.id),
        }
        assert len({event.id for event in unwrapped}) == len(unwrapped) == 6
        shown = await client.responses.retrieve(late.id)
        assert shown.incomplete_details is not None
        assert (shown.status, str(shown.incomplete_details.reason)) == ("incomplete", "expired")
    await receiver.stop()
