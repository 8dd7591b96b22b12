"""Batches with the official SDK, from the upload to the files that they write."""

import io
from typing import Any

import openai
import pytest
from openai import OpenAI

from tests.api.openai.batches.batch_stack import ENDPOINT, BatchStack, jsonl, line
from tests.api.openai.stack import MODEL
from tests.api.service import BOB


async def test_a_batch_runs_from_its_upload_to_its_files_in_the_order_of_its_input(
    each_batches: BatchStack,
) -> None:
    batches = each_batches
    lines = [line(f"req-{number}", f"fox {number}") for number in range(5)]
    lines[2]["body"]["practice"] = {"fail": "moderation"}
    created = await batches.create(lines)
    assert (created.status, created.request_counts and created.request_counts.total) == ("validating", 0)
    ended = await batches.until(created)

    assert (ended.status, ended.errors, ended.model) == ("completed", None, MODEL)
    assert ended.request_counts is not None
    assert ended.request_counts.to_dict() == {"total": 5, "completed": 4, "failed": 1}
    times = [ended.created_at, ended.in_progress_at, ended.finalizing_at, ended.completed_at]
    assert times == sorted(each or 0 for each in times)
    assert (ended.failed_at, ended.expired_at, ended.cancelled_at) == (None, None, None)
    output, errors = await batches.lines(ended.output_file_id), await batches.lines(ended.error_file_id)
    assert [each["custom_id"] for each in output] == ["req-0", "req-1", "req-3", "req-4"]
    body = output[0]["response"]["body"]
    assert body["data"] == [{"url": body["x_assets"][0]["url"]}]
    assert body["x_assets"][0].keys() == {
        *("id", "sha256", "width", "height", "bytes", "content_type", "url", "expires_at")
    }
    picture = await batches.stack.request("GET", body["data"][0]["url"], key=None)
    assert len(picture.content) == body["x_assets"][0]["bytes"]
    [failed] = errors
    assert (failed["custom_id"], failed["error"]) == ("req-2", None)
    assert failed["response"]["status_code"] == 400
    assert failed["response"]["body"]["error"]["code"] == "moderation_blocked"
    jobs = await batches.stack.jobs()
    assert {job.surface for job in jobs} == {"openai"}
    assert len(batches.stack.calls) == len(jobs) == 5


async def test_the_blocking_client_does_the_same(batches: BatchStack) -> None:
    def run(client: OpenAI) -> tuple[str, str, list[str]]:
        file = client.files.create(
            file=io.BytesIO(jsonl([line("a")])),
            purpose="batch",
            expires_after={"anchor": "created_at", "seconds": 3600},
        )
        assert client.files.wait_for_processing(file.id).status == "processed"
        made = client.batches.create(
            input_file_id=file.id,
            endpoint=ENDPOINT,
            completion_window="24h",
            metadata={"campaign": "spring"},
        )
        assert client.batches.retrieve(made.id).metadata == {"campaign": "spring"}
        return file.id, made.id, [each.id for each in client.batches.list(limit=1)]

    file_id, batch_id, listed = await batches.stack.blocking(run)
    assert listed == [batch_id]
    ended = await batches.until(await batches.stack.client().batches.retrieve(batch_id))
    assert (ended.status, ended.input_file_id, ended.error_file_id) == ("completed", file_id, None)


async def test_pages_are_walked_by_the_sdk(batches: BatchStack) -> None:
    made = [(await batches.create([line("a")])).id for _ in range(3)]
    found = [each.id async for each in batches.stack.client().batches.list(limit=2)]
    assert found == made[::-1]
    assert [each.id async for each in batches.stack.client(BOB).batches.list()] == []


async def test_a_cancelled_batch_makes_no_further_call_and_delivers_what_it_has(batches: BatchStack) -> None:
    lines = [line("first"), *(line(f"later-{number}") for number in range(3))]
    lines[0]["body"]["practice"] = {"delay": 0.5}
    created = await batches.create(lines, limits={"concurrency": 1})
    await batches.stack.darkroom.provider.call_log.wait_until(lambda log: bool(log.calls))
    client = batches.stack.client()
    assert (await client.batches.cancel(created.id)).status == "cancelling"
    ended = await batches.until(await client.batches.cancel(created.id))
    assert (ended.status, ended.request_counts and ended.request_counts.completed) == ("cancelled", 1)
    assert [each["custom_id"] for each in await batches.lines(ended.output_file_id)] == ["first"]
    errors = await batches.lines(ended.error_file_id)
    assert [each["error"]["code"] for each in errors] == ["batch_cancelled"] * 3
    assert all(each["response"] is None for each in errors)
    assert len(batches.stack.calls) == 1
    assert (await client.batches.cancel(created.id)).status == "cancelled"


async def test_a_batch_that_has_ended_can_not_be_cancelled_and_is_asked_once(batches: BatchStack) -> None:
    ended = await batches.until(await batches.create([line("a")]))
    with pytest.raises(openai.ConflictError) as refused:
        await batches.stack.client().batches.cancel(ended.id)
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert refused.value.response.request.headers["x-stainless-retry-count"] == "0"


async def test_batches_and_files_of_others_are_not_there(batches: BatchStack) -> None:
    batch = await batches.create([line("a")])
    other = batches.stack.client(BOB)
    for call in (
        other.batches.retrieve(batch.id),
        other.batches.cancel(batch.id),
        other.files.retrieve(batch.input_file_id),
        other.files.content(batch.input_file_id),
        other.files.delete(batch.input_file_id),
        other.batches.create(input_file_id=batch.input_file_id, endpoint=ENDPOINT, completion_window="24h"),
        other.batches.retrieve("../../nope"),
    ):
        with pytest.raises(openai.NotFoundError) as missing:
            await call
        assert missing.value.code == "not_found"
    assert (await batches.until(batch)).status == "completed"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"endpoint": "/v1/embeddings"}, "endpoint"),
        ({"completion_window": "1 fortnight"}, "completion_window"),
        ({"metadata": {"a": 1}}, "metadata"),
        ({"metadata": {f"m{number}": "" for number in range(17)}}, "metadata"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 60}}, "output_expires_after.seconds"),
        ({"budget": {"amount": "-1", "currency": "USD"}}, "budget.amount"),
        ({"priority": 11}, "priority"),
        ({"windows": [{"from": "18:00", "to": "18:00"}]}, "windows.0"),
        ({"inline_images": "yes"}, "inline_images"),
        ({"budgets": {}}, "budgets"),
    ],
)
async def test_faulty_members_of_a_batch_are_named(
    batches: BatchStack, changes: dict[str, object], param: str
) -> None:
    body = {
        "input_file_id": await batches.upload(jsonl([line("a")])),
        "endpoint": ENDPOINT,
        "completion_window": "24h",
    }
    answer = await batches.stack.post("/batches", json={**body, **changes})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert [each async for each in batches.stack.client().batches.list()] == []
    assert not await batches.stack.jobs()


async def test_a_repeated_request_makes_one_batch(batches: BatchStack) -> None:
    body = {
        "input_file_id": await batches.upload(jsonl([line("a")])),
        "endpoint": ENDPOINT,
        "completion_window": "24h",
    }
    answers = [
        await batches.stack.post("/batches", json=body, headers={"x-stainless-retry-count": str(number)})
        for number in range(3)
    ]
    assert len({answer.json()["id"] for answer in answers}) == 1
    again = await batches.stack.post("/batches", json=body, headers={"x-stainless-retry-count": "0"})
    assert again.json()["id"] != answers[0].json()["id"], "a request that is no repetition is meant"


async def test_an_idempotency_key_makes_one_batch_and_another_content_is_an_error(
    each_batches: BatchStack,
) -> None:
    batches = each_batches
    client, headers = batches.stack.client(), {"Idempotency-Key": "one"}
    body: Any = {
        "input_file_id": await batches.upload(jsonl([line("a")])),
        "endpoint": ENDPOINT,
        "completion_window": "24h",
    }
    made = [(await client.batches.create(**body, extra_headers=headers)).id for _ in range(2)]
    with pytest.raises(openai.BadRequestError) as reused:
        await client.batches.create(**body, metadata={"another": "one"}, extra_headers=headers)
    assert reused.value.code == "idempotency_key_reused"
    with pytest.raises(openai.BadRequestError):
        await client.images.generate(model=MODEL, prompt="a", extra_headers=headers)
    assert {each.id async for each in client.batches.list()} == set(made)
    assert len(set(made)) == 1
