"""What is known of an answer before it ends: above all, the first whole picture's address."""

import orjson
import pytest

from tests.worker.upstream.answers import PNG, data
from worker.upstream.parsing.response_reader import AnswerReader

A, B = "https://pictures.example/a.png", "https://pictures.example/b.png"


def heard(*deltas: str | dict[str, object], inputs: tuple[str, ...] = ()) -> AnswerReader:
    """Read a stream that has not ended."""
    reader = AnswerReader(input_urls=inputs)
    for delta in deltas:
        said = {"content": delta} if isinstance(delta, str) else delta
        reader.feed(b"data: " + orjson.dumps({"choices": [{"index": 0, "delta": said}]}) + b"\n\n")
    return reader


@pytest.mark.parametrize(
    ("deltas", "seen"),
    [
        ((f"Here: ![a]({A})",), A),
        (("Here: ![a](https://pictures.", "example/a.pn", "g", ")"), A),
        ((f"![a]({A})\n", f"![b]({B})\n"), A),
        ((f"{A}\n",), A),
        ((f"[点击下载]({A})\n",), A),
        (({"images": [{"type": "image_url", "image_url": {"url": A}}]},), A),
        ((f"[video](https://pictures.example/v.mp4) ![poster]({A})\n",), "https://pictures.example/v.mp4"),
        ((f"![a]({A}",), None),
        ((f"{A}",), None),
        ((f"> 进度 14..[38]({A})\n",), None),
        ((f"[数据预览]({A}) words\n",), None),
        (("```json\n", '{"prompt": "like this: ', f'![a]({A})"}}\n', "```\n"), None),
        (("<think>\n", f"I could show ![a]({A})\n"), None),
        (("<think>\n", f"like ![a]({A})\n", "</think>\n", f"![b]({B})\n"), B),
        ((f"![a]({data(PNG)})\n",), None),
        (({"images": [{"type": "image_url", "image_url": {"url": data(PNG)}}]},), None),
        (("See [the manual](https://pictures.example/manual)\n",), None),
    ],
)
def test_the_first_whole_picture_is_known_as_soon_as_it_streams_past(
    deltas: tuple[str | dict[str, object], ...], seen: str | None
) -> None:
    assert heard(*deltas).handles.seen == seen


def test_a_picture_of_the_request_is_not_taken_for_the_first_one() -> None:
    said = (f"You gave ![a]({A}).\n", {"images": [{"image_url": {"url": A}}]}, f"I made ![b]({B}).\n")
    assert heard(*said, inputs=(A, data(PNG))).handles.seen == B


def test_many_links_that_are_no_pictures_are_not_looked_at_for_ever() -> None:
    pages = [f"[page {number}](https://pages.example/{number})\n" for number in range(500)]
    reader = heard(*pages, f"![a]({A})\n")
    assert reader.handles.seen is None
    assert [picture.url for picture in reader.close().images] == [A]
