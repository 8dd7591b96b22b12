"""Images of the style probe are measured, and compared from afar."""

import base64
from io import BytesIO

import pytest
from PIL import Image

from api.cli.channel_calls.probe_images import alike, bytes_of, data_url, probe_image, ratio_of
from models.settings import Settings
from worker.download.downloader import Downloader
from worker.download.http_client import open_download_client
from worker.download.ssrf import AllowList
from worker.practice.drawing.render import Recipe
from worker.practice.server import start_practice
from worker.upstream.parsing.image import ResultImage


def png(colour: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> bytes:
    file = BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def test_an_image_is_like_itself_in_another_size_and_slightly_other_colours() -> None:
    assert alike(png((200, 30, 140)), png((215, 40, 130), (640, 300)))
    drawn = Recipe("a cat", 1, "a cat").render()
    assert alike(drawn, Recipe("a cat", 1, "a cat", (256, 384)).render())


def test_another_image_is_not_alike() -> None:
    assert not alike(probe_image(), png((20, 160, 60)))
    drawn = [Recipe(prompt, 1, prompt).render() for prompt in ("a cat", "a dog", "a ship", "a tree")]
    assert not any(alike(probe_image(), each) for each in drawn)
    assert not alike(probe_image(), b"no image")


def test_the_ratio_is_width_by_height() -> None:
    assert ratio_of(png((0, 0, 0), (90, 60))) == 1.5
    assert ratio_of(b"no image") is None


def test_the_input_image_is_a_small_png_as_a_data_url() -> None:
    head, _, data = data_url(probe_image()).partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == probe_image()
    assert len(data) < 1000


@pytest.mark.parametrize("path", ["/elsewhere/a.example/1.png", "/pictures/none.png"])
async def test_the_bytes_of_a_link_are_fetched_if_they_can_be_had(path: str) -> None:
    provider = await start_practice(picture="tiny")
    allow = AllowList.parse(Settings(allow_private=("127.0.0.0/8",)).allow_private)
    async with provider, open_download_client(allow, 1) as client:
        found = await bytes_of(ResultImage(url=provider.url + path), Downloader(client, allow=allow))
        assert (found is not None and ratio_of(found) == 1) is (path == "/elsewhere/a.example/1.png")
        inside = ResultImage(data=base64.b64encode(b"bytes").decode(), mime="image/png")
        assert await bytes_of(inside, Downloader(client, allow=allow)) == b"bytes"
