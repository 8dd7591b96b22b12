"""Progress in every dialect, cut at every place."""
# ruff: noqa: E501 - a table of answers is read row by row

from typing import Any

import pytest

from tests.worker.upstream.answers import body, streamed, text_answer
from worker.upstream.parsing.progress import ProgressParser

REPORTED: dict[str, tuple[str, list[float]]] = {
    "bold": ("> 进度 **2%**\n\n\n> 进度 **34%**\n\n\n> 进度 **67%**\n", [2, 34, 67]),
    "bold with a decimal": ("> 进度 **34.5%**\n", [34.5]),
    "cumulative, two dots": (">🏃 进度 36..72..100\n", [36, 72, 100]),
    "cumulative, many dots": (">🏃 Progress 7....13....25...27.....[100](https://v.example/a.png)\n", [7, 13, 25, 27, 100]),
    "cumulative, spaces": (">🏃 Progress 7.. 13.. 25..\n", [7, 13, 25]),
    "cumulative, ellipsis signs": (">🏃 进度 7…13……25…\n", [7, 13, 25]),
    "cumulative with signs": ("进度：10%..50%..100%\n", [10, 50, 100]),
    "cumulative, bold": ("进度：**10%**..**50%**..\n", [10, 50]),
    "cumulative decimals": ("Progress 12.5..37.5...100.0\n", [12.5, 37.5, 100]),
    "linked numbers": ("> 进度 [36](https://v.example/1.png)\n> 进度 [72](https://v.example/2.png)\n", [36, 72]),
    "brackets": ("[进度] [45%]\n", [45]),
    "emoji and joiner": ("> 🏃\u200d Progress 45.2%\n", [45.2]),
    "emoji between": ("进度 🏃 45%\n", [45]),
    "full-width colon": ("进度：45%\n", [45]),
    "full-width percent": ("生成进度：45％\n", [45]),
    "full-width digits": ("进度：４５％\n", [45]),
    "space before the sign": ("Progress: 45 %\n", [45]),
    "English label": ("Progress: 45%\n", [45]),
    "upper case": ("PROGRESS: 45%\n", [45]),
    "bold label": ("**Video Generation Progress**: 36% (processing)\n", [36]),
    "sentence": ("Generation in progress: 45% completed...\n", [45]),
    "parentheses": ("Generating, progress (45%)\n", [45]),
    "equals": ("progress=45%\n", [45]),
    "end of the line": ("进度 45\n进度 60\r\n进度 70", [45, 60, 70]),
    "leading zero": ("进度 05%\n", [5]),
    "nought and hundred": ("进度 0%\n进度 100%\n", [0, 100]),
    "beyond the end": ("进度 250%\n", [100]),
    "falls back": ("进度 40%\n进度 20%\n进度 40%\n进度 41%\n", [40, 41]),
    "starts over within a line": ("进度 40..10..60..\n", [40, 60]),
    "two on a line": ("进度 10% 进度 20%\n", [10, 20]),
    "stages between": (">🕐 排队中.\n\n>⚡ 生成中...\n\n>🏃 进度 14..38..\n\n> ✅ 生成完成\n", [14, 38]),
    "after a prompt": ('{"prompt":"progress bar at 50%","n":1}\n> 进度 5%\n', [5]),
    "after a prompt on the same line": ('{"prompt":"进度 50%"} 进度 5%\n', [5]),
    "after a prompt with braces in it": ('{"prompt":"a } progress 50% {","n":1}\n进度 5%\n', [5]),
    "after a fenced prompt": ('```json\n{"prompt":"progress 50%"}\n```\n进度 5%\n', [5]),
    "after thinking": ("<think>progress 50%</think>进度 5%\n", [5]),
    "after thinking of many lines": ("<think>\nprogress 50%\n</think>\n进度 5%\n", [5]),
    "after a think fence": ("```think\nprogress 50%\n```\n进度 5%\n", [5]),
}  # fmt: skip

SILENT = {
    "elapsed seconds": "Image generation in progress... (20s elapsed)\n",
    "elapsed seconds, at once": "Progress: 20s elapsed\n",
    "no anchor": "80% of the frame is filled, 50..60..70\n",
    "a prompt": '{"prompt":"a progress bar at 50%, 进度 30%"}\n',
    "a prompt over lines": '{\n  "prompt": "progress 50%",\n  "n": 1\n}\n',
    "a prompt that does not end": '{"prompt":"progress 50%\n进度 60%\n',
    "a fence that does not end": "```json\nprogress 50%\n",
    "heartbeats": "🎨 图像生成中，请稍候...\n仍在生成图像中，请继续等待...\n",
    "stages": "排队中\n生成中\n生成完成 ✅\n",
    "a date": "Progress 2025-07-01\n",
    "a count": "Progress 3/10\n",
    "a size": "in progress 1024x1024\n",
    "far away": "Progress of this rather long thing is 50%\n",
    "on the next line": "Progress\n50%\n",
    "too many digits": "进度 1234%\n",
    "negative": "进度 12-34\n",
    "a unit": "progress: 45MB\n",
}


@pytest.mark.parametrize(
    ("text", "expected"), [pytest.param(*row, id=title) for title, row in REPORTED.items()]
)
def test_percentages_are_found_however_they_arrive(text: str, expected: list[float]) -> None:
    assert list(text_answer(text).progress) == expected
    assert list(streamed(*text).progress) == expected
    for point in range(len(text)):
        limit = ProgressParser()
        first = limit.feed(text[:point])
        assert first == expected[: len(first)], "told too early"
        assert first + limit.feed(text[point:]) + limit.close() == expected


@pytest.mark.parametrize("text", [pytest.param(text, id=title) for title, text in SILENT.items()])
def test_other_numbers_are_no_percentages(text: str) -> None:
    assert text_answer(text).progress == ()
    assert streamed(*text).progress == ()
    assert all(
        text_answer(text[:point]).progress == () for point in range(len(text)) if title_is_whole(text, point)
    )


def title_is_whole(text: str, point: int) -> bool:
    """A text that ends within a number ends the number, too."""
    return not text[:point].rstrip()[-1:].isdigit()


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([{"thinking_progress": 10}, {"thinking_progress": 33}], [10, 33], id="thinking progress"),
        pytest.param([{"thinking_progress": "33"}, {"thinking_progress": None}], [33], id="as text"),
        pytest.param([{"reasoning_content": "Progress: 1"}, {"reasoning_content": "5%"}], [15], id="reasoning"),
        pytest.param([{"reasoning": "progress: 15%\n", "content": None}], [15], id="OpenRouter's reasoning"),
        pytest.param([{"reasoning_content": "progress: 1", "content": "进度 2"}, {"reasoning_content": "0%", "content": "5%"}], [10, 25], id="two voices"),
        pytest.param([{"reasoning_content": "Image generation in progress... (20s elapsed)\n"}], [], id="elapsed"),
        pytest.param([{"choices": [{"index": 0, "delta": {"content": "进度 1"}}]}, {"choices": [{"index": 1, "delta": {"content": "进度 3"}}]}, {"choices": [{"index": 0, "delta": {"content": "2%"}}]}, {"choices": [{"index": 1, "delta": {"content": "0%"}}]}], [12, 30], id="two choices"),
        pytest.param([{"choices": [], "progress": "45%"}], [45], id="beside the choices"),
    ],
)  # fmt: skip
def test_progress_in_events(events: list[Any], expected: list[float]) -> None:
    assert list(streamed(*events).progress) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"task_id": "abc123", "status": "IN_PROGRESS", "progress": "45%"}, [45]),
        ({"code": "success", "data": {"task_id": "abc123", "status": "SUCCESS", "progress": "100%"}}, [100]),
        ({"status": "processing", "progress": 45.5}, [45.5]),
        ({"status": "processing", "progress": "45.5 %"}, [45.5]),
        ({"status": "processing", "progress": "45％"}, [45]),
        ({"status": "queued", "progress": None}, []),
        ({"status": "queued", "progress": "soon"}, []),
        ({"status": "queued", "progress": True}, []),
        ({"status": "queued", "progress": -3}, [0]),
    ],
)
def test_progress_of_a_task(value: object, expected: list[float]) -> None:
    assert list(body(value).progress) == expected
