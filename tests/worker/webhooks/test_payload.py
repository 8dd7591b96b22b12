"""What a message says, and that it is never too long."""

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
    }
    return SimpleNamespace(**{**row, **values})


def written(job: Any, *assets: Any) -> dict[str, Any]:
    telling = Payload("delivery_1", "job.succeeded", AT, "https://pictures.example", job, assets)
    body = render_job(telling)
    assert len(body) < LIMIT
    said: dict[str, Any] = orjson.loads(body)
    return said


def test_one_body_has_the_members_of_standard_webhooks_and_of_openai_s_events() -> None:
    said = written(job())
    assert {name: said[name] for name in ("id", "object", "type", "timestamp", "created_at")} == {
        "id": "delivery_1",
        "object": "event",
        "type": "job.succeeded",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "created_at": 1767225600,
    }
    assert "truncated" not in said["data"]


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("metadata", {"long": LONG}, {}),
        ("prompt", LONG, LONG[:300]),
        ("text", LONG, LONG[:300]),
        ("tags", ["长" * 64] * 200, []),
    ],
)
def test_what_makes_a_message_too_long_is_shortened_and_named(name: str, value: Any, kept: Any) -> None:
    data = written(job(**{name: value}))["data"]
    assert (data[name], data["truncated"]) == (kept, [name])


def test_a_long_error_keeps_its_code_and_the_beginning_of_its_words() -> None:
    error = {"code": "policy", "message": LONG, "provider_message": LONG, "retryable": False}
    data = written(job(status="failed", error=error))["data"]
    assert (data["error"]["code"], data["error"]["message"]) == ("policy", LONG[:300])
    assert data["truncated"] == ["error"]


def test_long_source_addresses_give_way_and_the_pictures_own_stay() -> None:
    data = written(job(), *(asset(source_url="https://h.example/" + "x" * 8000) for _ in range(4)))["data"]
    assert [each["source_url"] for each in data["assets"]] == [None] * 4
    assert data["assets"][0]["url"].startswith("https://pictures.example/assets/")
    assert data["truncated"] == ["assets"]


@given(
    text=st.sampled_from(["长", "\x01", '"', "a"]),
    counts=st.lists(st.integers(0, 40_000), min_size=5, max_size=5),
    pictures=st.integers(0, 60),
)
def test_no_job_makes_a_message_too_long(text: str, counts: list[int], pictures: int) -> None:
    prompt, said, words, source, metadata = counts
    error = {"code": "x", "message": text * words, "provider_message": text * words}
    assets = [asset(source_url="https://h.example/" + "x" * source) for _ in range(pictures)]
    tags = [text * 64] * 32
    free = {"a": text * metadata}
    written(
        job(
            prompt=text * prompt,
            text=text * said,
            error=error,
            tags=tags,
            metadata=free,
            campaign=text * 128,
            model=text * 256,
        ),
        *assets,
    )


def test_a_message_shows_no_picture_that_came_after_what_it_tells() -> None:
    then = {"status": "succeeded", "revision": 4, "started_at": rfc3339(AT), "finished_at": None}
    delivery: Any = SimpleNamespace(id=new_id(), event="job.succeeded", at=AT, snapshot=then)
    now: Any = SimpleNamespace(_mapping={"status": "queued", "revision": 9, "prompt": "a cat"})
    first, later = asset(created_at=AT), asset(created_at=AT + timedelta(seconds=1))
    told = payload_of(delivery, now, [first, later], public_url="https://pictures.example")
    assert told.assets == [first]
    assert (told.job.status, told.job.revision, told.job.prompt) == ("succeeded", 4, "a cat")
    assert (told.job.started_at, told.job.finished_at) == (AT, None)
