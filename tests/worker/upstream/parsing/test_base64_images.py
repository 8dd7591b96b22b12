"""Base64 images are recognised by their signature, and complete by their end marker."""
# ruff: noqa: E501 - a table of answers is read row by row

import pytest

from tests.worker.upstream.answers import (
    AVIF,
    GIF,
    JPEG,
    PNG,
    PNG2,
    WEBP,
    Expected,
    data,
    image_urls,
    listed,
    text_answer,
)
from worker.upstream.parsing.base64_images import (
    find_base64_end,
    parse_base64_image,
    sniff,
    starts_like_image,
)

A, B, C = (
    "https://img.example.com/o/a.png",
    "https://img.example.com/o/b.webp",
    "https://img.example.com/o/c.jpg",
)


WRAPPED = "\n".join(PNG[start : start + 40] for start in range(0, len(PNG), 40))
BARE = "https://img.example.com/files/9f8e"
URLSAFE = data(JPEG).replace("+", "-").replace("/9j", "_9j").rstrip("=")


def rows(table: dict[str, tuple[str, Expected]]) -> list[object]:
    return [pytest.param(*row, id=title) for title, row in table.items()]


BASE64: dict[str, tuple[str, Expected]] = {
    "JPEG said to be PNG": (f"![a]({data(JPEG)})", [data(JPEG, "jpeg")]),
    "WebP": (f"![a]({data(WEBP, 'webp')})", [data(WEBP, "webp")]),
    "GIF": (f"![a]({data(GIF, 'gif')})", [data(GIF, "gif")]),
    "AVIF without a type": (f"![a](data:;base64,{AVIF})", [data(AVIF, "avif")]),
    "octet stream": (f"![a](data:application/octet-stream;base64,{PNG})", [data(PNG)]),
    "parameters": (f"![a](data:image/png;charset=utf-8;name=a.png;base64,{PNG})", [data(PNG)]),
    "URL-safe without padding": (f"![a]({URLSAFE})", [data(JPEG, "jpeg")]),
    "wrapped at 76 with CRLF": (f"![a](data:image/png;base64,{PNG[:76]}\r\n{PNG[76:]})", [data(PNG)]),
    "spaces": (f"![a](data:image/png;base64, {PNG[:20]} {PNG[20:]})", [data(PNG)]),
    "upper-case scheme": (f"![a](DATA:image/png;BASE64,{PNG})", [data(PNG)]),
    "in angle brackets": (f"![a](<{data(PNG)}>)", [data(PNG)]),
    "with a title": (f'![a]({data(PNG)} "cat")', [data(PNG)]),
    "a download link": (f"[下载]({data(PNG)})", [data(PNG)]),
    "an address in its place": (f"![a](data:image/png;base64,{BARE})", [BARE]),
    "an address in its place, bare": (f"data:image/png;base64,{A}", [A]),
    "bare in prose": (f"完成：{data(PNG)}。请查收", [data(PNG)]),
    "bare in quotes": (f'the picture is "{data(PNG)}".', [data(PNG)]),
    "two bare": (f"{data(PNG)}\n{data(PNG2)}", [data(PNG), data(PNG2)]),
    "the same twice": (f"![a]({data(PNG)})\n{data(PNG)}", [data(PNG)]),
    "the same with and without padding": (f"![a]({data(JPEG)}) ![b]({data(JPEG).rstrip('=')})", [data(JPEG, "jpeg")]),
    "nothing but JPEG": (JPEG, [data(JPEG, "jpeg")]),
    "nothing but GIF in a fence": (f"```\n{GIF}\n```", [data(GIF, "gif")]),
    "nothing but WebP, wrapped": (f"{WEBP[:40]}\n{WEBP[40:]}\n", [data(WEBP, "webp")]),
    "behind words, without data:": (f"图片如下：\n{PNG}\n完成", [data(PNG)]),
    "in quotes, without data:": (f'"{JPEG}"', [data(JPEG, "jpeg")]),
    "the prefix twice": (f"![a](data:image/png;base64,{data(PNG)})", [data(PNG)]),
    "a word that begins like a picture": ("R0lGOD is how it begins, iVBORw0KGgo too", []),
    "PNG without its end": (f"![a](data:image/png;base64,{PNG[:-12]})", []),
    "JPEG without its end": (f"![a](data:image/jpeg;base64,{JPEG[:-8]})", []),
    "WebP shorter than it says": (f"![a](data:image/webp;base64,{WEBP[:-12]})", []),
    "a whole picture whose link does not end": (f"![a]({data(PNG)}", [data(PNG)]),
    "text in base64": ("![a](data:image/png;base64,aGVsbG8gd29ybGQsIHRoaXMgaXMgbm8gcGljdHVyZSBhdCBhbGw=)", []),
    "SVG": ("![a](data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciLz4=)", []),
    "audio": ("data:audio/mp3;base64,SUQzBAAAAAAAI1RTU0UAAAAPAAADTGF2ZjU4LjI5LjEwMAAAAAAAAAAAAAAA", []),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), rows(BASE64))
def test_base64_images_in_text(text: str, expected: Expected) -> None:
    assert image_urls(text_answer(text)) == listed(expected)


def test_a_wrapped_image_is_normalised() -> None:
    assert parse_base64_image(WRAPPED.replace("+", "-").replace("/", "_").rstrip("=")) == (PNG, "image/png")


@pytest.mark.parametrize(
    ("payload", "mime"),
    [
        (PNG, "image/png"),
        (JPEG, "image/jpeg"),
        (GIF, "image/gif"),
        (WEBP, "image/webp"),
        (AVIF, "image/avif"),
    ],
)
def test_the_type_is_sniffed_and_a_truncated_image_is_not_an_image(payload: str, mime: str) -> None:
    assert parse_base64_image(payload) == (payload, mime)
    assert starts_like_image(payload)
    assert mime == "image/avif" or parse_base64_image(payload[: len(payload) // 2]) is None


def test_other_bytes_are_not_an_image() -> None:
    assert sniff(b"%PDF-1.7") is None
    assert sniff(b"RIFF\x00\x00\x00\x00WAVE") is None
    assert not starts_like_image("SGVsbG8sIHdvcmxkISBUaGlzIGlzIHRleHQu")


@pytest.mark.parametrize("stop", list("\"')<>]}\\`,;:|* \n"))
def test_a_run_of_base64_ends_at_the_first_other_character(stop: str) -> None:
    text = "x" + "A" * 5000 + stop + "A" * 5000
    assert find_base64_end(text, 1) == 5001
    assert find_base64_end(text, 1, spaces=True) == (len(text) if stop.isspace() else 5001)
