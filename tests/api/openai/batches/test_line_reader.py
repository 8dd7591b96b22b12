"""A line of an input becomes a row, or all its errors."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import orjson

from api.campaigns.sheets.record import SheetError
from api.jobs.served_models import ServedModels
from api.openai.batches.endpoints import ENDPOINTS
from api.openai.batches.line_reader import LineReader
from models.queries.campaigns.rows import ImportedRow
from models.settings import Settings
from tests.api.openai.batches.batch_stack import ENDPOINT, line

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
SERVED = ServedModels([SimpleNamespace(models=["practice-image", "flux-*"])])


def read(given: Any) -> ImportedRow | list[SheetError]:
    services: Any = SimpleNamespace(
        settings=Settings(upstream_base_url="http://x.test", upstream_api_key="k" * 20)
    )
    reader = LineReader(ENDPOINT, ENDPOINTS[ENDPOINT], services, SERVED, AT)
    found = reader.read(7, given if isinstance(given, bytes) else orjson.dumps(given))
    return found if isinstance(found, ImportedRow) else list(found)


def test_a_row_has_what_its_job_is_made_of() -> None:
    row = read(line("a", "a fox", n=2, quality="high", service_tier="flex", metadata={"k": "v"}))
    assert isinstance(row, ImportedRow)
    assert (row.key, row.line) == ("a", 7)
    assert row.content.overrides == {
        "model": "practice-image",
        "prompt": "a fox",
        "n": 2,
        "params": {"quality": "high"},
        "metadata": {"k": "v"},
        "priority": 3,
    }


def test_all_errors_of_a_line_are_told() -> None:
    found = read(
        {"custom_id": "", "method": "GET", "url": "/v1/chat", "body": {"model": "m", "prompt": 1, "n": 99}}
    )
    assert isinstance(found, list)
    assert [error.column for error in found] == ["custom_id", "method", "url", "body.prompt", "body.n"]
    assert {error.line for error in found} == {7}


def test_a_line_can_not_fill_the_list_of_errors() -> None:
    found = read({"body": {"model": "m", "prompt": 1, "n": 99, "size": 3, "priority": 7}})
    assert isinstance(found, list)
    assert len(found) == 5


def test_a_model_that_nothing_serves_is_named_unless_the_line_allows_it() -> None:
    found = read(line("a", model="gpt-imagine"))
    assert isinstance(found, list)
    assert [(error.code, error.column) for error in found] == [("model_not_found", "body.model")]
    assert isinstance(read(line("a", model="flux-2")), ImportedRow)
    assert isinstance(read(line("a", model="x", darkroom={"allow_unserved": True})), ImportedRow)


def test_what_holds_for_a_whole_batch_is_refused_in_a_line() -> None:
    for name in ("campaign", "expires_in", "webhook_url"):
        found = read(line("a", darkroom={name: "x"}))
        assert isinstance(found, list)
        assert [error.column for error in found] == [f"body.darkroom.{name}"]


def test_lines_that_are_no_json_objects_are_told_in_words() -> None:
    for raw in (b"{", b"[]", b'"text"', b"{}x", b"\xff", b"[" * 100_000):
        found = read(raw)
        assert isinstance(found, list)
        assert [error.code for error in found] == ["invalid_json_line"]
        assert found[0].message.startswith("The line")
