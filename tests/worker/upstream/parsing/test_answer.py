"""An answer without the images of the request, with videos, posters and flags."""
# ruff: noqa: E501 - a table of answers is read row by row

import pytest

from tests.worker.upstream.answers import PNG, data, image_urls, message, text_answer

A, B = "https://img.example.com/o/a.png", "https://img.example.com/o/b.webp"
P1 = data(PNG)


@pytest.mark.parametrize(
    ("text", "videos", "posters"),
    [
        pytest.param(f"![p]({B})\n[play](https://v.example/1.mp4?sig=1)", ["https://v.example/1.mp4?sig=1"], [B], id="link"),
        pytest.param(f"[▶](https://v.example/1.mov)\n![p]({A})", ["https://v.example/1.mov"], [A], id="poster after it"),
        pytest.param(f'<video controls poster="{A}"><source src="https://v.example/1.webm" type="video/webm"></video>', ["https://v.example/1.webm"], [A], id="poster attribute"),
        pytest.param("<video src=https://v.example/get/1></video>", ["https://v.example/get/1"], [], id="no extension"),
        pytest.param("完成：https://v.example/1.mp4。", ["https://v.example/1.mp4"], [], id="bare"),
        pytest.param("![v](https://v.example/1.mp4)", ["https://v.example/1.mp4"], [], id="as a picture"),
        pytest.param("https://v.example/cdn/1.mp4\n[下载](https://v.example/cdn/download/1.mp4)", ["https://v.example/cdn/1.mp4"], [], id="twice"),
        pytest.param("<audio><source src='https://v.example/1.mp3'></audio>", [], [], id="audio"),
    ],
)  # fmt: skip
def test_images_beside_a_video_are_its_posters(text: str, videos: list[str], posters: list[str]) -> None:
    answer = text_answer(text)
    assert (list(answer.videos), list(answer.posters), image_urls(answer)) == (videos, posters, [])


@pytest.mark.parametrize(
    ("input_url", "shown"),
    [
        pytest.param(
            "https://in.example/a.png?X-Amz-Signature=1", "https://in.example/a.png", id="signature"
        ),
        pytest.param(
            "https://in.example/a.png?b=1&c=2", r"https:\/\/in.example\/a.png?b=1\u0026c=2", id="escapes"
        ),
        pytest.param("https://in.example/a.png?b=1&c=2", "https://in.example/a.png?c=2&amp;b=1", id="order"),
        pytest.param(
            "https://in.example/小猫.png", "https://in.example/%E5%B0%8F%E7%8C%AB.png", id="percent"
        ),
        pytest.param("http://IN.example/a.png", "https://in.example/a.png", id="scheme and case"),
        pytest.param("https://in.example:443/a.png", "https://in.example/a.png", id="port"),
        pytest.param(
            "https://in.example/a.png",
            "https://in.example/a.png?x-oss-process=image/resize,w_9",
            id="resized",
        ),
        pytest.param("https://in.example/a.png", "https://in.example/a.png#x", id="fragment"),
        pytest.param(P1, f"data:image/webp;base64,{PNG.rstrip('=')}", id="data"),
    ],
)
def test_an_input_image_is_recognised_in_every_form(input_url: str, shown: str) -> None:
    for text in (f"![a]({shown})", f"see {shown} ", f'<img src="{shown}">', f"[下载]({shown})"):
        answer = text_answer(text, input_urls=(input_url,))
        assert (image_urls(answer), answer.echoed) == ([], True)
    answer = message({"images": [shown], "content": f"![a]({A})"}, input_urls=(input_url,))
    assert image_urls(answer) == [(A,)]


@pytest.mark.parametrize(
    ("count", "n", "partial"), [(1, 2, True), (2, 2, False), (3, 2, False), (1, None, False)]
)
def test_fewer_images_than_requested_are_partial(count: int, n: int | None, partial: bool) -> None:
    answer = text_answer("\n".join(f"![{i}](https://h.example/{i}.png)" for i in range(count)), n=n)
    assert (len(answer.images), answer.partial) == (count, partial)


def test_images_of_the_request_are_not_results() -> None:
    inputs = ("https://in.example/a.png", P1)
    answer = text_answer(
        f"![x](https://in.example/a.png) {P1} ![y](https://out.example/b.png)", input_urls=inputs
    )
    assert image_urls(answer) == [("https://out.example/b.png",)]
    assert answer.echoed


def test_a_url_without_a_host_is_completed() -> None:
    answer = text_answer("![x](/images/a.png)", origin="https://relay.example")
    assert image_urls(answer) == [("https://relay.example/images/a.png",)]
    assert answer.relative
