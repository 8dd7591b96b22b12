"""Lines of output and error files."""

from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from sqlalchemy import update

from api.openai.batches.output import read_lines
from models.ids import parse_id
from models.queries.openai.batches import find_batch
from models.tables import jobs
from tests.api.openai.batches.batch_stack import BatchStack, line


async def written(batches: BatchStack, batch_id: str, *, ended: bool, **changes: Any) -> list[dict[str, Any]]:
    """Return all lines of a batch as they would be written now; ``changes``: of its row."""
    async with batches.services.database.reading() as connection:
        row = await find_batch(connection, parse_id("batch", batch_id), caller_id=None)
    assert row is not None
    batch = SimpleNamespace(**{**row._mapping, **changes})
    return [orjson.loads(each.content) async for each in read_lines(batches.services, batch, ended=ended)]


async def test_lines_without_an_answer_are_left_out_until_nothing_runs_any_more(batches: BatchStack) -> None:
    lines = [line(f"{number}") for number in range(3)]
    created = await batches.until(await batches.create(lines, canary={"items": 1}), "in_progress")
    await batches.stack.until(1, "succeeded")
    now = await written(batches, created.id, ended=False)
    assert [each["response"]["status_code"] for each in now] == [200]
    for status, code in (("finalizing", "batch_expired"), ("cancelling", "batch_cancelled")):
        ended = await written(batches, created.id, ended=True, status=status)
        assert [each["custom_id"] for each in ended] == ["0", "1", "2"]
        assert [each["error"] and each["error"]["code"] for each in ended].count(code) == 2


@pytest.mark.parametrize(
    ("status", "code"),
    [("expired", "batch_expired"), ("cancelled", "batch_cancelled"), ("held", "unknown_outcome")],
)
async def test_a_job_without_an_http_answer_has_an_error_of_the_batch(
    batches: BatchStack, status: str, code: str
) -> None:
    ended = await batches.until(await batches.create([line("a")]))
    async with batches.services.database.writing() as connection:
        await connection.execute(update(jobs).values(status=status, error=None))
    [found] = await written(batches, ended.id, ended=True)
    assert (found["response"], found["error"]["code"]) == (None, code)
    assert found["error"]["message"]


async def test_a_line_whose_job_was_deleted_says_so(batches: BatchStack) -> None:
    ended = await batches.until(await batches.create([line("a")]))
    async with batches.services.database.writing() as connection:
        await connection.execute(jobs.delete())
    [found] = await written(batches, ended.id, ended=True)
    assert found["error"]["code"] == "batch_failed"


async def test_a_picture_whose_file_is_lost_is_told_by_its_address(batches: BatchStack) -> None:
    ended = await batches.until(await batches.create([line("a")]))
    [made] = await batches.lines(ended.output_file_id)
    sha256 = made["response"]["body"]["x_assets"][0]["sha256"]
    await batches.services.store.delete(f"{sha256[:2]}/{sha256[2:4]}/{sha256}.png")
    [found] = await written(batches, ended.id, ended=True, inline_images=True)
    assert found["response"]["body"]["data"][0].keys() == {"url"}
