"""The image host of the practice provider, and the content of foreign URLs."""

import pytest

from worker.practice import images
from worker.practice.drawing.render import Recipe
from worker.practice.images import ImageHost, content_at, rewrite_urls, task_id_at

RECIPE = Recipe("a cat", 1, "a cat", mode="tiny")


def test_a_fault_applies_to_the_first_downloads_only() -> None:
    host = ImageHost()
    image = host.find(host.publish(RECIPE, fault="dead_link", times=2))
    assert image is not None
    assert [image.next_fault() for _ in range(3)] == ["dead_link", "dead_link", None]
    assert image.downloads == 3


def test_a_fault_without_a_count_applies_to_all_downloads() -> None:
    host = ImageHost()
    image = host.find(host.publish(RECIPE, fault="truncated", times=None))
    assert image is not None
    assert {image.next_fault() for _ in range(5)} == {"truncated"}


def test_the_oldest_images_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_IMAGES", 2)
    host = ImageHost()
    names = [host.publish(RECIPE) for _ in range(3)]
    assert [host.find(name) is not None for name in names] == [False, True, True]


def test_a_raw_data_link_names_its_task() -> None:
    assert task_id_at("relay.example/source/task_1") == "task_1"
    assert task_id_at("relay.example/a/source/task_1") is None
    assert task_id_at("relay.example/task_1.png") is None


def test_a_foreign_url_has_an_image_or_a_video_by_its_extension() -> None:
    assert isinstance(content_at("cdn.example/a.MP4?x=1", "tiny"), bytes)
    content = content_at("cdn.example/a%20b.png?x=1", "tiny")
    assert isinstance(content, Recipe)
    assert (content.prompt, content.caption) == ("cdn.example/a b.png?x=1", "a b.png")


def test_a_quoted_url_has_the_same_content() -> None:
    assert content_at("cdn.example/%7Ea.png", "tiny") == content_at("cdn.example/~a.png", "tiny")


@pytest.mark.parametrize(
    ("written", "rewritten"),
    [
        ("![](https://a.example/b.png)", "![](http://here:1/elsewhere/a.example/b.png)"),
        (r"https:\/\/a.example\/b.png", r"http:\/\/here:1\/elsewhere\/a.example\/b.png"),
        (r"https:\\/\\/a.example", r"http:\\/\\/here:1\\/elsewhere\\/a.example"),
        (
            "data:image/png;base64,https://a.example",
            "data:image/png;base64,http://here:1/elsewhere/a.example",
        ),
        ("no address", "no address"),
    ],
)
def test_rewritten_urls_keep_their_escapes(written: str, rewritten: str) -> None:
    assert rewrite_urls(written, "http://here:1") == rewritten
