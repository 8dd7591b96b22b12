"""Documents of jobs and assets."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from models.ids import new_id, public_id
from models.queries.assets import NewAsset
from models.serializers import asset_view, job_view
from models.tables import assets, jobs
from models.tables import attempts as table_of_attempts

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ASSET = NewAsset(
    caller_id=new_id(),
    key="ab/cd/abcd.png",
    sha256="abcd",
    content_type="image/png",
    extension="png",
    width=3,
    height=2,
    bytes=9,
    source_url=None,
    created_at=NOW,
    token="token",
)


def asset_row(**values: Any) -> SimpleNamespace:
    """A row of ``assets``."""
    return SimpleNamespace(**dict.fromkeys(assets.c.keys()) | asdict(ASSET) | values)


def test_an_image_whose_file_is_missing_says_so_in_plain_words() -> None:
    stored = asset_view(asset_row(), public_url="http://darkroom")
    assert (stored["problem"], stored["url"]) == (None, "http://darkroom/assets/token/0.png")
    lost = asset_view(asset_row(missing_at=NOW), public_url="http://darkroom")
    assert "is gone" in lost["problem"]
    assert "2026-01-02T03:04:05" in lost["problem"]


def test_an_image_names_its_thumbnails_and_what_was_found_once_it_was_examined() -> None:
    fresh = asset_view(asset_row(), public_url="http://darkroom")
    assert (fresh["thumbnails"], fresh["checks"]) == (None, None)
    other = new_id()
    row = asset_row(checked_at=NOW, blank=True, duplicate_of=other, thumbnails={"320": [320, 160, 7]})
    found = asset_view(row, public_url="http://darkroom")
    url = "http://darkroom/assets/token/0-320.webp"
    assert found["thumbnails"] == {"320": {"url": url, "width": 320, "height": 160, "bytes": 7}}
    assert found["checks"] == {
        "checked_at": "2026-01-02T03:04:05.000Z",
        "found": ["blank", "duplicate"],
        "duplicate_of": public_id("asset", other),
        "near_duplicate_of": None,
        "problem": None,
    }


def job_row(request: dict[str, Any], **values: Any) -> SimpleNamespace:
    """A row of ``jobs`` with this request."""
    row = dict.fromkeys((column.name for column in jobs.columns), None)
    numbers = {"revision": 3, "generation": 2, "max_attempts": 3, "progress": 0, "priority": 5}
    texts = {"status": "failed", "surface": "rest", "model": "m", "prompt": "more", "on_unknown": "hold"}
    return SimpleNamespace(
        **row | numbers | texts | {"id": new_id(), "created_at": NOW, "request": request} | values
    )


def test_a_job_says_all_that_makes_the_same_job_again() -> None:
    image, mask, asset = "https://a.example/1.png", "https://a.example/2.png", public_id("asset", new_id())
    turns = [{"role": "user", "parts": [{"text": "a cat"}, {"image": 2}]}]
    request = {"images": [image, mask, asset], "mask": 1, "turns": turns, "size": "2:3", "n": 2}
    view = job_view(job_row(request | {"params": {"seed": 1}, "system": "s"}), public_url="")

    assert (view["images"], view["mask"], view["size"], view["n"]) == ([image], mask, "2:3", 2)
    assert view["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "a cat"}, {"asset": asset}]}
    ]
    assert (view["params"], view["system"], view["wants"]) == ({"seed": 1}, "s", "pictures")
    assert (view["max_attempts"], view["on_unknown"]) == (3, "hold")


@pytest.mark.parametrize("request_", [{}, {"images": 3}, {"images": [], "mask": 4}, {"turns": [{}]}])
def test_a_request_that_was_not_written_here_spoils_no_document(request_: dict[str, Any]) -> None:
    view = job_view(job_row(request_), public_url="")
    assert (view["images"], view["mask"], view["messages"]) == ([], None, [])


def test_each_asset_of_a_job_names_the_call_that_made_it() -> None:
    times = [NOW + timedelta(minutes=minutes) for minutes in range(6)]
    attempts = [
        SimpleNamespace(**dict.fromkeys(column.name for column in table_of_attempts.columns))
        for _ in range(4)
    ]
    for number, each in enumerate(attempts, 1):
        each.number, each.generation, each.outcome = number, 1 if number == 1 else 2, "success"
        each.sent_at = times[number]
    attempts[2].outcome = "retry"
    assets = [
        asset_row(generation=generation, created_at=at)
        for generation, at in ((1, times[2]), (2, times[2]), (None, times[4]))
    ]
    view = job_view(job_row({}), public_url="", attempts=attempts, assets=assets)
    shown = [(each["generation"], each["attempt"]) for each in (*view["former_assets"], *view["assets"])]
    assert shown == [(1, 1), (2, 2), (2, 4)]
