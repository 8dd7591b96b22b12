"""Handles of an answer before it ends, above all the URL of the first complete image."""

import orjson
import pytest

from tests.worker.upstream.answers import PNG, data
from worker.upstream.parsing.response_reader import AnswerReader

A, B = "https://pictures.example/a.png", "https://pictures.example/b.png"


def read_open_stream(*deltas: str | dict[str, object], inputs: tuple[str, ...] = ()) -> AnswerReader:
    """Read a stream that has not ended."""
    reader = AnswerReader(input_urls=inputs)
    for delta in deltas:
        message = {"content": delta} if isinstance(delta, str) else delta
        reader.feed(b"data: " + orjson.dumps({"choices": [{"index": 0, "delta": message}]}) + b"\n\n")
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
def test_the_first_complete_image_is_known_while_the_answer_streams(
    deltas: tuple[str | dict[str, object], ...], seen: str | None
) -> None:
    assert read_open_stream(*deltas).handles.seen == seen


def test_an_input_image_is_not_the_first_image() -> None:
    message = (f"You gave ![a]({A}).\n", {"images": [{"image_url": {"url": A}}]}, f"I made ![b]({B}).\n")
    assert read_open_stream(*message, inputs=(A, data(PNG))).handles.seen == B


def test_the_search_for_the_first_image_ends_after_many_links() -> None:
    pages = [f"[page {number}](https://pages.example/{number})\n" for number in range(500)]
    reader = read_open_stream(*pages, f"![a]({A})\n")
    assert reader.handles.seen is None
    assert [picture.url for picture in reader.close().images] == [A]
