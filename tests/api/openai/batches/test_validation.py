"""Inputs of batches that are faulty: all errors by line, and nothing of them runs."""

from typing import Any

import pytest

from api.openai.batches import input_lines
from api.openai.files.stored_files import object_key
from models.openai.file_ids import parse_file_id
from tests.api.openai.batches.batch_stack import ENDPOINT, BatchStack, jsonl, line
from tests.api.openai.stack import MODEL, TEXT_MODEL
from tests.api.service import BOB
from worker.practice.drawing.png import tiny_png

FAULTY: list[tuple[bytes, int, str, str | None]] = [
    (b"{nothing", 2, "invalid_json_line", None),
    (b"[1]", 2, "invalid_json_line", None),
    (b"\xff\xfe", 2, "invalid_json_line", None),
    (jsonl([line("ok")]), 2, "duplicate_custom_id", "custom_id"),
    (jsonl([line("b", url="/v1/chat/completions")]), 2, "url_mismatch", "url"),
    (jsonl([line("b") | {"method": "GET"}]), 2, "invalid_request", "method"),
    (jsonl([line("b") | {"custom_id": 7}]), 2, "invalid_request", "custom_id"),
    (jsonl([line("b") | {"body": None}]), 2, "invalid_request", "body"),
    (jsonl([line("b", model="gpt-imagine")]), 2, "model_not_found", "body.model"),
    (jsonl([line("b", size="huge")]), 2, "invalid_request", "body.size"),
    (jsonl([line("b", stream=True)]), 2, "invalid_request", "body.stream"),
    (jsonl([line("b", darkroom={"max_attempts": 2})]), 2, "invalid_request", "body.darkroom.max_attempts"),
    (jsonl([line("b", "nul \0")]), 2, "invalid_request", "body.prompt"),
    (b"\n\n\n" + jsonl([line("b", "")]), 5, "invalid_request", "body.prompt"),
]


@pytest.mark.parametrize(("more", "at", "code", "param"), FAULTY)
async def test_one_faulty_line_fails_the_batch_and_no_line_runs(
    batches: BatchStack, more: bytes, at: int, code: str, param: str | None
) -> None:
    ended = await batches.until(await batches.create(jsonl([line("ok")]) + more))
    assert (ended.status, ended.output_file_id, ended.error_file_id) == ("failed", None, None)
    assert ended.failed_at
    assert ended.request_counts is not None
    assert ended.request_counts.to_dict() == {"total": 0, "completed": 0, "failed": 0}
    assert ended.errors is not None
    assert ended.errors.data is not None
    [error] = ended.errors.data
    assert (error.line, error.code, error.param) == (at, code, param)
    assert error.message
    assert not await batches.stack.jobs()
    listed = await batches.stack.request("GET", "/campaigns")
    assert listed.json()["data"] == [], "nothing half-made"


async def test_an_empty_file_has_no_lines(batches: BatchStack) -> None:
    ended = await batches.until(await batches.create(b"\n \n"))
    assert ended.status == "failed"
    assert ended.errors is not None
    assert ended.errors.data is not None
    assert [each.code for each in ended.errors.data] == ["empty_file"]


async def test_all_errors_are_told_by_line_and_those_beyond_the_first_hundred_in_a_file(
    batches: BatchStack,
) -> None:
    lines: list[Any] = [line("good"), *({"custom_id": f"bad-{number}"} for number in range(1, 151))]
    ended = await batches.until(await batches.create(lines))
    assert ended.errors is not None
    assert ended.errors.data is not None
    shown = [each.line for each in ended.errors.data]
    assert (len(shown), shown) == (100, sorted(each or 0 for each in shown))
    extra = ended.model_extra or {}
    listed = await batches.lines(extra["x_error_list_file_id"])
    assert len(listed) == extra["x_error_count"] == 450, "method, url and body of each"
    assert {each["line"] for each in listed} == set(range(2, 152))
    assert listed[0].keys() == {"code", "message", "param", "line"}


async def test_more_lines_than_permitted_are_refused(
    batches: BatchStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.openai.batches.validation.MOST_LINES", 2)
    ended = await batches.until(await batches.create([line(f"{number}") for number in range(4)]))
    assert ended.errors is not None
    assert ended.errors.data is not None
    assert [(each.code, each.line) for each in ended.errors.data] == [("too_many_tasks", 3)]


async def test_an_input_whose_content_is_lost_fails_its_batch(batches: BatchStack) -> None:
    file_id = await batches.upload(jsonl([line("a")]))
    await batches.services.store.delete(object_key(parse_file_id(file_id)))
    client = batches.stack.client()
    created = await client.batches.create(input_file_id=file_id, endpoint=ENDPOINT, completion_window="24h")
    ended = await batches.until(created)
    assert ended.errors is not None
    assert ended.errors.data is not None
    assert [(each.code, each.param) for each in ended.errors.data] == [("input_modified", "input_file_id")]


async def test_a_picture_of_another_caller_is_refused_by_the_id_that_the_line_has(
    batches: BatchStack,
) -> None:
    foreign = await batches.stack.client(BOB).files.create(file=("a.png", tiny_png("a", 0)), purpose="vision")
    path = "/v1/images/edits"
    lines = [line("a", url=path, images=[{"file_id": foreign.id}])]
    ended = await batches.until(await batches.create(lines, endpoint=path))
    assert ended.errors is not None
    [error] = ended.errors.data or []
    assert (error.code, error.line, error.param) == ("input_image_not_found", 1, "body.images")
    assert foreign.id in (error.message or "")


async def test_lines_of_several_models_and_with_their_own_priority_run(batches: BatchStack) -> None:
    lines = [line("a", service_tier="priority"), line("b", model=TEXT_MODEL), line("c")]
    ended = await batches.until(await batches.create(lines, priority=3))
    assert (ended.status, ended.model) == ("completed", None)
    assert sorted(job.priority for job in await batches.stack.jobs()) == [3, 3, 7]
    assert {job.model for job in await batches.stack.jobs()} == {MODEL, TEXT_MODEL}


async def test_a_line_with_members_for_the_provider_passes_them_on(batches: BatchStack) -> None:
    lines = [line("a", quality="high", n=2, size="1024x1024", user="u-1")]
    ended = await batches.until(await batches.create(lines))
    [job] = await batches.stack.jobs()
    assert job.request["params"] == {"quality": "high", "user": "u-1"}
    assert (job.request["n"], job.request["size"]) == (2, "1024x1024")
    [made] = await batches.lines(ended.output_file_id)
    assert len(made["response"]["body"]["data"]) == 2


async def test_files_that_are_no_jsonl_lines_beyond_the_limit_and_fifty_thousand_bad_lines(
    batches: BatchStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(input_lines, "LONGEST_LINE", 2_000)
    contents = {
        tiny_png("a picture", 0): ("invalid_json_line", 1),
        b"PK\x03\x04" + b"\xff" * 500: ("invalid_json_line", 1),
        "a line".encode("utf-16"): ("invalid_json_line", 1),
        b'{"custom_id": "' + b"x" * 5_000 + b'"}\n' + jsonl([line("ok")]): ("invalid_request", 1),
        b"nothing\n" * 50_000: ("invalid_json_line", 1),
    }
    for content, first in contents.items():
        ended = await batches.until(await batches.create(content))
        assert ended.errors is not None
        shown = ended.errors.data or []
        assert (ended.status, shown[0].code, shown[0].line) == ("failed", *first)
    extra = ended.model_extra or {}
    assert (len(shown), extra["x_error_count"]) == (100, 50_000)
    listed = (await batches.stack.client().files.content(extra["x_error_list_file_id"])).content
    assert listed.count(b"\n") == 50_000
    assert not await batches.stack.jobs()
