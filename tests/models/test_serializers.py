"""Documents of jobs and assets."""

from dataclasses import asdict
from datetime import UTC, datetime
from types import SimpleNamespace

from models.ids import new_id
from models.queries.assets import NewAsset
from models.serializers import asset_view

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


def test_an_image_whose_file_is_missing_says_so_in_plain_words() -> None:
    stored = asset_view(SimpleNamespace(**asdict(ASSET), missing_at=None), public_url="http://darkroom")
    assert (stored["problem"], stored["url"]) == (None, "http://darkroom/assets/token/0.png")
    lost = asset_view(SimpleNamespace(**asdict(ASSET), missing_at=NOW), public_url="http://darkroom")
    assert "is gone" in lost["problem"]
    assert "2026-01-02T03:04:05" in lost["problem"]
