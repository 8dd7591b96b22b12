"""URLs of one object share a key, and are classified by extension, host and path."""

import pytest

from worker.upstream.parsing.urls import (
    CanonicalUrl,
    canonical,
    extension,
    is_document,
    is_http_url,
    is_image,
    is_on_image_host,
    is_resized,
    is_task_page,
    is_video,
    unescape,
)


def test_signatures_do_not_make_a_different_object_but_other_parameters_do() -> None:
    base = canonical("https://H.co/cdn/a.png?id=1")
    assert canonical("https://h.co/cdn/download/a.png?id=1&X-Amz-Signature=9&Expires=7") == base
    assert canonical("https://h.co/cdn/a.png?id=2") != base


@pytest.mark.parametrize("url", ["https://[h/x.png", "http://[::1/x", "https://a]b/x.png?format=png"])
def test_a_malformed_url_is_nothing(url: str) -> None:
    assert not is_http_url(url)
    assert (extension(url), is_on_image_host(url)) == ("", False)
    assert canonical(url) == CanonicalUrl("", url, ())


@pytest.mark.parametrize(
    ("url", "kinds"),
    [
        ("https://h.co/a.PNG", {"image"}),
        ("https://h.co/a.webp!thumb?x=1", {"image"}),
        ("https://h.co/get?format=jpeg", {"image"}),
        ("https://h.co/get?filename=cat.png", {"image"}),
        ("https://h.co/a.mp4#t=1", {"video"}),
        ("https://h.co/a.pdf", {"document"}),
        ("https://x.asyncdata.net/web/task_1", {"task page"}),
        ("https://filesystem.site/cdn/20250101/x", {"image host"}),
        ("https://eu.byteimg.com/x", {"image host"}),
        ("https://ark-content-generation-v2-cn.tos-cn-beijing.volces.com/x", {"image host"}),
        ("https://filesystem.site/about", set()),
        ("https://h.co/png", set()),
    ],
)
def test_a_url_is_classified_by_extension_host_and_path(url: str, kinds: set[str]) -> None:
    checks = {
        "image": is_image,
        "video": is_video,
        "document": is_document,
        "task page": is_task_page,
        "image host": is_on_image_host,
    }
    assert {kind for kind, check in checks.items() if check(url)} == kinds


@pytest.mark.parametrize(
    ("escaped", "url"),
    [
        (r"https:\/\/h.co\/a?x=1\u0026y=2", "https://h.co/a?x=1&y=2"),
        ("https://h.co/a?x=1&amp;amp;y=2", "https://h.co/a?x=1&y=2"),
        (r"https://h.co/a.png\n\nDone", "https://h.co/a.png"),
        ("https://h.co/a", "https://h.co/a"),
    ],
)
def test_escapes_of_relays_are_undone(escaped: str, url: str) -> None:
    assert unescape(escaped) == url


@pytest.mark.parametrize("query", ["x-oss-process=image/resize,w_9", "w=300", "imageView2/2/w/300", "H=1"])
def test_a_resized_rendering_has_the_key_of_the_original(query: str) -> None:
    assert is_resized(f"https://h.co/a.png?{query}")
    assert not is_resized("https://h.co/a.png?id=3")
    assert canonical(f"https://h.co/a.png?{query}") == canonical("http://H.co:443/a.png")
