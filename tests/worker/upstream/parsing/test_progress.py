"""Percentages are parsed while a text streams, and never guessed."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.upstream.parsing.progress import ProgressParser


def percentages(*chunks: str, ends: bool = True) -> list[float]:
    parser = ProgressParser()
    found = [value for chunk in chunks for value in parser.feed(chunk)]
    return found + (parser.close() if ends else [])


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param(["> 进度 **34%**\n"], [34], id="bold"),
        pytest.param([">🏃 进度 36..72..[100](https://h.example/x)"], [36, 72, 100], id="cumulative"),
        pytest.param([">🏃 Progress 7....13....25...27\n"], [7, 13, 25, 27], id="English"),
        pytest.param(["> 🏃\u200d Progress 45.2%\n"], [45.2], id="decimal"),
        pytest.param(["Generation in progress: 45% completed..."], [45], id="sentence"),
        pytest.param(["**Video Generation Progress**: 36% (processing)"], [36], id="label"),
        pytest.param(["进度：[12%]"], [12], id="brackets"),
        pytest.param(["进度 3", "6..4", "7.."], [36, 47], id="split digits"),
        pytest.param(["进度 40%\n进度 20%\n进度 60%\n"], [40, 60], id="only increases"),
        pytest.param(["进度 250%\n"], [100], id="clamped"),
        pytest.param(["in progress... (20s elapsed)"], [], id="elapsed seconds"),
        pytest.param(["Progress 2024-01-01"], [], id="date"),
        pytest.param(["80% of the frame"], [], id="no anchor"),
        pytest.param(['{"prompt":"progress bar at 50%",\n"size":"1"}\n进度 5%\n'], [5], id="prompt echo"),
        pytest.param(['{"prompt":"progress', ' 50%, {"}'], [], id="echo being written"),
        pytest.param(["```json\n进度 50%\n```\n进度 5%\n"], [5], id="fence"),
        pytest.param(["<think>进度 50%\n</think>进度 5%\n"], [5], id="thinking"),
    ],
)
def test_percentages_in_text(chunks: list[str], expected: list[float]) -> None:
    assert percentages(*chunks) == expected


@pytest.mark.parametrize(
    "text", ["进度 3", "进度 36", "进度 36.", "进度 36..4", "Progress 45.", "Progress 45.2"]
)
def test_a_number_that_may_still_grow_does_not_count(text: str) -> None:
    assert percentages(text, ends=False) == ([36] if ".." in text else [])


@pytest.mark.parametrize(
    ("value", "expected"), [(33, [33]), ("45%", [45]), ("x", []), (True, []), (None, [])]
)
def test_a_percentage_of_a_json_member_counts(value: object, expected: list[float]) -> None:
    assert ProgressParser().add_value(value) == expected


def test_sources_are_read_apart() -> None:
    parser = ProgressParser()
    fed = [parser.feed(text, source=source) for text, source in (("进度 1", "a"), ("2%", "b"), ("5%", "a"))]
    assert fed == [[], [], [15]]


TEXT = st.text(alphabet='![]()<>`{}":/\\. \nhtps进度progress0123456789%*-,|&;=', max_size=200)


@given(TEXT, st.lists(st.integers(0, 200)))
def test_progress_is_the_same_for_any_split_and_only_rises(text: str, points: list[int]) -> None:
    whole, parts = ProgressParser(), ProgressParser()
    expected = whole.feed(text) + whole.close()
    edges = [0, *sorted(point % (len(text) + 1) for point in points), len(text)]
    found = [value for start, end in itertools.pairwise(edges) for value in parts.feed(text[start:end])]
    found += parts.close()
    assert found == expected == sorted(set(expected))
