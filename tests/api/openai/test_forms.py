"""Fields of forms as the JSON members that they stand for."""

from typing import Any

import pytest

from api.openai.forms import flags_of, form_members, numbers_of
from api.web.problems import Problem


@pytest.mark.parametrize(
    ("fields", "members"),
    [
        ([("prompt", "12"), ("n", "2")], {"prompt": "12", "n": "2"}),
        (
            [("darkroom[priority]", "7"), ("darkroom[tags][]", "a"), ("darkroom[tags][]", "b")],
            {"darkroom": {"priority": 7, "tags": ["a", "b"]}},
        ),
        ([("a[b][c]", "true"), ("a[b][d]", "007")], {"a": {"b": {"c": True, "d": "007"}}}),
        ([("tags[]", "a")], {"tags": ["a"]}),
        ([("image", "x"), ("image", "y"), ("image", "z")], {"image": ["x", "y", "z"]}),
    ],
)
def test_brackets_are_members_of_members(fields: list[tuple[str, str]], members: dict[str, Any]) -> None:
    assert form_members(fields) == members


@pytest.mark.parametrize(
    "fields",
    [
        [("", "a")],
        [("a[", "b")],
        [("a]b", "c")],
        [("a", "b"), ("a[c]", "d")],
        [("a[c]", "d"), ("a", "b")],
        [("a[b]", "1"), ("a[b]", "2")],
        [("a[][b]", "1")],
        [("a", "\0")],
    ],
)
def test_fields_that_contradict_each_other_are_refused(fields: list[tuple[str, str]]) -> None:
    with pytest.raises(Problem):
        form_members(fields)


def test_numbers_and_flags_are_read_where_they_are_expected() -> None:
    assert numbers_of({"n": "2", "seed": "3", "size": "x"}, ["n", "size"]) == {
        "n": 2,
        "seed": "3",
        "size": "x",
    }
    assert flags_of({"stream": "true", "other": "true", "n": 1}, ["stream", "n"]) == {
        "stream": True,
        "other": "true",
        "n": 1,
    }
