"""Task JSON: URLs, videos, previews and times."""

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from models.midjourney.serializers import image_url, milliseconds, task_view
from models.settings import Settings

NOW = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
SETTINGS = Settings(public_url="http://darkroom.test/")
IMAGE, VIDEO, GRID, OTHER = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)


def asset(name: str, content_type: str = "image/png") -> SimpleNamespace:
    return SimpleNamespace(
        token=name, position=0, extension=content_type.split("/")[1], content_type=content_type
    )


ASSETS = {IMAGE: asset("image"), VIDEO: asset("video", "video/mp4"), GRID: asset("grid", "image/jpeg")}
ASSETS[OTHER] = asset("other")


def view(*, preview: Any = None, **columns: Any) -> dict[str, Any]:
    defaults = {
        "id": 1795337295545074, "action": "IMAGINE", "outcome": "SUCCESS", "modal": None, "prompt": "a cat",
        "description": "/imagine a cat", "state": None, "bot": "MID_JOURNEY", "mode": "FAST",
        "hash": UUID(int=9), "parent_id": None, "request": {}, "properties": {}, "asset_id": GRID,
        "pictures": [str(IMAGE)], "fail_reason": None, "submitted_at": NOW, "started_at": NOW,
        "finished_at": NOW,
    }  # fmt: skip
    task = SimpleNamespace(**defaults | columns)
    return task_view(task, parts=(), assets=ASSETS, preview=preview, settings=SETTINGS, at=NOW)


def test_a_successful_task_has_the_urls_of_its_grid_and_images() -> None:
    shown = view(pictures=[str(IMAGE), str(OTHER)])
    urls = ["http://darkroom.test/assets/image/0.png", "http://darkroom.test/assets/other/0.png"]
    assert shown["imageUrl"] == "http://darkroom.test/assets/grid/0.jpeg"
    assert shown["imageUrls"] == [{"url": url, "thumbnail": url} for url in urls]
    assert (shown["videoUrl"], shown["videoUrls"]) == (None, None)


def test_a_single_image_is_offered_as_no_choice_of_images() -> None:
    shown = view(action="UPSCALE", asset_id=IMAGE)
    assert shown["imageUrl"] == "http://darkroom.test/assets/image/0.png"
    assert shown["imageUrls"] is None


def test_a_video_is_in_the_video_urls_only() -> None:
    shown = view(action="VIDEO", asset_id=VIDEO, pictures=[str(VIDEO)])
    assert (shown["imageUrl"], shown["imageUrls"]) == (None, None)
    assert shown["videoUrl"] == shown["videoUrls"][0]["url"] == "http://darkroom.test/assets/video/0.mp4"


def test_an_open_task_shows_its_preview_and_no_buttons() -> None:
    shown = view(outcome=None, asset_id=None, preview=ASSETS[IMAGE])
    assert shown["imageUrl"] == "http://darkroom.test/assets/image/0.png"
    assert (shown["imageUrls"], shown["buttons"]) == (None, [])


def test_a_deleted_asset_is_left_out() -> None:
    shown = view(asset_id=UUID(int=8), pictures=[str(UUID(int=8)), str(IMAGE)])
    assert shown["imageUrl"] is None
    assert len(shown["imageUrls"]) == 1


def test_bots_find_the_hash_of_the_buttons_in_the_properties() -> None:
    shown = view()
    assert shown["properties"]["messageHash"] == str(UUID(int=9))
    assert shown["buttons"][0]["customId"].endswith(shown["properties"]["messageHash"])


def test_properties_of_the_task_override_the_default_ones() -> None:
    assert view()["properties"]["finalPrompt"] == "a cat"
    properties = view(properties={"finalPrompt": "a dog", "remix": True})["properties"]
    assert (properties["finalPrompt"], properties["finalZhPrompt"], properties["remix"]) == (
        "a dog",
        "",
        True,
    )


def test_times_are_milliseconds_and_utc_texts() -> None:
    eastern = NOW.astimezone(timezone(timedelta(hours=8)))
    shown = view(submitted_at=eastern, finished_at=None)
    assert (shown["submitTime"], shown["displays"]["submitTime"]) == (1767323045678, "2026-01-02 03:04:05")
    assert (shown["finishTime"], shown["displays"]["finishTime"]) == (None, "")


def test_nothing_has_no_url_and_no_time() -> None:
    assert image_url(None, "http://darkroom.test") is None
    assert milliseconds(None) is None
