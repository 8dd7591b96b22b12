"""Payloads: the members of an event, and that a body never exceeds the limit."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.clock import rfc3339
from models.ids import new_id
from models.tables import jobs
from worker.webhooks.payload import LIMIT, Payload, payload_of, render_job

AT = datetime(2026, 1, 1, tzinfo=UTC)
LONG = "长" * 100_000


def job(**values: Any) -> SimpleNamespace:
    row = {
        "id": new_id(),
        "status": "succeeded",
        "revision": 6,
        "generation": 1,
        "model": "m",
        "prompt": "a cat",
        "progress": 100,
        "priority": 5,
        "campaign": None,
        "tags": [],
        "created_at": AT,
        "started_at": AT,
        "finished_at": AT,
        "expires_at": None,
        "retry": None,
        "error": None,
        "text": None,
        "metadata": {},
        "surface": "rest",
    }
    return SimpleNamespace(**{**dict.fromkeys(jobs.columns.keys()), **row, **values})


def asset(**values: Any) -> Any:
    row = {
        "id": new_id(),
        "token": "t" * 24,
        "position": 0,
        "extension": "png",
        "source_url": None,
        "content_type": "image/png",
        "width": 1,
        "height": 1,
        "bytes": 1,
        "sha256": "0" * 64,
        "missing_at": None,
        "generation": None,
    }
    return SimpleNamespace(**{**row, **values})


def written(job: Any, *assets: Any) -> dict[str, Any]:
    payload = Payload("delivery_1", "job.succeeded", AT, "https://pictures.example", job, assets)
    body = render_job(payload)
    assert len(body) < LIMIT
    members: dict[str, Any] = orjson.loads(body)
    return members


def test_one_body_has_the_members_of_standard_webhooks_and_of_openai_s_events() -> None:
    members = written(job())
    assert {name: members[name] for name in ("id", "object", "type", "timestamp", "created_at")} == {
        "id": "delivery_1",
        "object": "event",
        "type": "job.succeeded",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "created_at": 1767225600,
    }
    assert "truncated" not in members["data"]


@pytest.mark.parametrize(
    ("name", "value", "shortened"),
    [
        ("metadata", {"long": LONG}, {}),
        ("prompt", LONG, LONG[:300]),
        ("text", LONG, LONG[:300]),
        ("tags", ["长" * 64] * 200, []),
    ],
)
def test_the_members_that_make_a_payload_too_long_are_shortened_and_named(
    name: str, value: Any, shortened: Any
) -> None:
    data = written(job(**{name: value}))["data"]
    assert (data[name], data["truncated"]) == (shortened, [name])


def test_a_long_error_keeps_its_code_and_the_start_of_its_message() -> None:
    error = {"code": "policy", "message": LONG, "provider_message": LONG, "retryable": False}
    data = written(job(status="failed", error=error))["data"]
    assert (data["error"]["code"], data["error"]["message"]) == ("policy", LONG[:300])
    assert data["truncated"] == ["error"]


def test_long_source_urls_are_dropped_and_the_urls_of_assets_stay() -> None:
    data = written(job(), *(asset(source_url="https://h.example/" + "x" * 8000) for _ in range(4)))["data"]
    assert [each["source_url"] for each in data["assets"]] == [None] * 4
    assert data["assets"][0]["url"].startswith("https://pictures.example/assets/")
    assert data["truncated"] == ["assets"]


@given(
    text=st.sampled_from(["长", "\x01", '"', "a"]),
    counts=st.lists(st.integers(0, 40_000), min_size=5, max_size=5),
    pictures=st.integers(0, 60),
)
def test_no_job_makes_a_payload_too_long(text: str, counts: list[int], pictures: int) -> None:
    prompt, text_size, message, source, metadata = counts
    error = {"code": "x", "message": text * message, "provider_message": text * message}
    assets = [asset(source_url="https://h.example/" + "x" * source) for _ in range(pictures)]
    tags = [text * 64] * 32
    free = {"a": text * metadata}
    written(
        job(
            prompt=text * prompt,
            text=text * text_size,
            error=error,
            tags=tags,
            metadata=free,
            campaign=text * 128,
            model=text * 256,
        ),
        *assets,
    )


def test_a_payload_shows_no_asset_created_after_its_event() -> None:
    then = {"status": "succeeded", "revision": 4, "started_at": rfc3339(AT), "finished_at": None}
    delivery: Any = SimpleNamespace(id=new_id(), event="job.succeeded", at=AT, snapshot=then)
    now: Any = SimpleNamespace(_mapping={"status": "queued", "revision": 9, "prompt": "a cat"})
    first, later = asset(created_at=AT), asset(created_at=AT + timedelta(seconds=1))
    payload = payload_of(delivery, now, [first, later], public_url="https://pictures.example")
    assert payload.assets == [first]
    assert (payload.job.status, payload.job.revision, payload.job.prompt) == ("succeeded", 4, "a cat")
    assert (payload.job.started_at, payload.job.finished_at) == (AT, None)
