"""How batches move on: their window ends, processes die, budgets are used up, and webhooks tell the end."""

import asyncio
import base64
from datetime import timedelta

import openai
import pytest
from sqlalchemy import select, update

from api.openai.batches.controller import BatchController
from api.openai.files.stored_files import object_key
from models.ids import new_id, parse_id
from models.openai.file_ids import parse_file_id
from models.queries.openai.batches import claim_batch
from models.tables import campaigns, openai_batches, openai_files, webhook_deliveries
from tests.api.openai.batches.batch_stack import BatchStack, line
from worker.practice.drawing.png import prompt_of


async def test_a_window_that_ends_delivers_what_is_there_and_says_that_the_rest_has_expired(
    each_batches: BatchStack,
) -> None:
    batches = each_batches
    lines = [line("done"), line("late")]
    created = await batches.create(lines, canary={"items": 1})
    waiting = await batches.until(created, "in_progress")
    client = batches.stack.client()
    async with asyncio.timeout(20):
        while (waiting.model_extra or {})["x_state"]["campaign_status"] != "awaiting_approval":
            await asyncio.sleep(0.03)
            waiting = await client.batches.retrieve(created.id)
    assert waiting.status == "in_progress"
    services = batches.services
    async with services.database.writing() as connection:
        past = services.clock() - timedelta(seconds=1)
        await connection.execute(update(openai_batches).values(expires_at=past))
    ended = await batches.until(waiting)
    assert (ended.status, bool(ended.expired_at), ended.completed_at) == ("expired", True, None)
    [made] = await batches.lines(ended.output_file_id)
    [late] = await batches.lines(ended.error_file_id)
    assert late["error"]["code"] == "batch_expired"
    assert {made["custom_id"], late["custom_id"]} == {"done", "late"}
    assert len(batches.stack.calls) == 1


async def test_a_batch_that_another_process_has_claimed_is_left_until_its_claim_ends(
    batches: BatchStack,
) -> None:
    created = await batches.until(
        await batches.create([line("a"), line("b")], canary={"items": 1}), "in_progress"
    )
    key, other = parse_id("batch", created.id), new_id()
    services = batches.services
    async with services.database.writing() as connection:
        at = services.clock()
        assert await claim_batch(connection, key, other, until=at + timedelta(minutes=1), at=at)
    await _approve(batches, created.id)
    await batches.stack.until(2, "succeeded")
    await asyncio.sleep(0.3)
    assert (await batches.stack.client().batches.retrieve(created.id)).status == "in_progress"
    async with services.database.writing() as connection:
        await connection.execute(update(openai_batches).values(claimed_until=services.clock()))
    assert (await batches.until(created)).status == "completed"


async def test_partial_results_are_read_while_a_batch_runs(each_batches: BatchStack) -> None:
    batches = each_batches
    lines = [line("a", practice={"fail": "moderation"}), line("b"), line("c")]
    created = await batches.create(lines, canary={"items": 3, "then": "approve"})
    running = await batches.until(created, "in_progress")
    extra = running.model_extra or {}
    client = batches.stack.client()
    async with asyncio.timeout(20):
        while running.request_counts is None or running.request_counts.completed < 2:
            await asyncio.sleep(0.03)
            running = await client.batches.retrieve(created.id)
    output = await batches.lines(extra["x_partial_output_file_id"])
    assert [each["custom_id"] for each in output] == ["b", "c"]
    assert [each["custom_id"] for each in await batches.lines(extra["x_partial_error_file_id"])] == ["a"]
    assert (await client.files.retrieve(extra["x_partial_output_file_id"])).purpose == "batch_output"
    assert extra["x_partial_output_file_id"] not in [each.id async for each in client.files.list()]


async def test_pictures_come_as_base64_if_that_is_wanted(batches: BatchStack) -> None:
    ended = await batches.until(await batches.create([line("a")], inline_images=True))
    [made] = await batches.lines(ended.output_file_id)
    [image] = made["response"]["body"]["data"]
    assert prompt_of(base64.b64decode(image["b64_json"])) == "a red fox"
    assert image["url"] == made["response"]["body"]["x_assets"][0]["url"]


async def test_a_batch_whose_every_line_failed_is_completed_without_an_output_file(
    batches: BatchStack,
) -> None:
    lines = [line(f"{number}", practice={"fail": "moderation"}) for number in range(3)]
    ended = await batches.until(await batches.create(lines))
    assert (ended.status, ended.output_file_id) == ("completed", None)
    assert len(await batches.lines(ended.error_file_id)) == 3


async def test_a_line_whose_outcome_is_unknown_does_not_hold_up_the_batch(batches: BatchStack) -> None:
    ended = await batches.until(await batches.create([line("a", practice={"fail": "drop"}), line("b")]))
    [unknown] = await batches.lines(ended.error_file_id)
    assert (unknown["error"]["code"], unknown["response"]) == ("unknown_outcome", None)
    assert len(await batches.lines(ended.output_file_id)) == 1


async def test_members_of_campaigns_hold_for_a_batch(batches: BatchStack) -> None:
    created = await batches.create(
        [line("a")],
        budget={"amount": "12.50", "currency": "USD"},
        canary={"items": 1},
        windows=[{"from": "00:00", "to": "23:59"}],
        limits={"rpm": 60},
        priority=2,
        completion_window="90m",
    )
    async with batches.services.database.reading() as connection:
        spec = await connection.scalar(select(campaigns.c.spec).where(campaigns.c.name == created.id))
    assert spec is not None
    assert (spec["budget"]["amount"], spec["limits"]["rpm"], spec["defaults"]["priority"]) == ("12.50", 60, 2)
    assert (spec["canary"], len(spec["windows"])) == ({"items": 1}, 1)
    assert (created.expires_at or 0) - created.created_at == 90 * 60


async def test_output_files_expire_when_that_was_asked_for(batches: BatchStack) -> None:
    body = {"anchor": "created_at", "seconds": 3600}
    ended = await batches.until(await batches.create([line("a")], output_expires_after=body))
    client = batches.stack.client()
    file = await client.files.retrieve(ended.output_file_id or "")
    assert (file.expires_at or 0) - file.created_at == 3600
    services = batches.services
    async with services.database.writing() as connection:
        await connection.execute(update(openai_files).values(expires_at=services.clock()))
    with pytest.raises(openai.NotFoundError):
        await client.files.content(file.id)
    await BatchController(services).run_round()
    assert await services.store.head(object_key(parse_file_id(file.id))) is None


async def test_the_end_of_a_batch_is_delivered_to_its_webhooks(batches: BatchStack) -> None:
    hook = {"url": "http://127.0.0.1:9/hook", "events": ["batch.completed", "batch.failed"]}
    assert (await batches.stack.post("/webhooks", json=hook)).status_code == 201
    good = await batches.until(await batches.create([line("a")]))
    bad = await batches.until(await batches.create(b"{"))
    async with batches.services.database.reading() as connection:
        found = (await connection.execute(select(webhook_deliveries).order_by(webhook_deliveries.c.id))).all()
    bodies = [row.snapshot["body"] for row in found]
    assert [(body["type"], body["data"]) for body in bodies] == [
        ("batch.completed", {"id": good.id}),
        ("batch.failed", {"id": bad.id}),
    ]


async def _approve(batches: BatchStack, batch_id: str) -> None:
    """Approve the canary of a batch, which is a campaign by its name."""
    async with asyncio.timeout(20):
        while (await batches.stack.post(f"/campaigns/{batch_id}/approve")).status_code == 409:  # noqa: ASYNC110
            await asyncio.sleep(0.03)
