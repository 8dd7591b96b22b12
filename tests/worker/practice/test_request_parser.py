from typing import Any

import pytest

from worker.practice.request_parser import parse_hints


@pytest.mark.parametrize(
    ("hint", "members"),
    [
        ("[fail 429 twice]", {"fail": [{"kind": "429", "times": 2}]}),
        ("[fail 429]", {"fail": [{"kind": "429", "times": None}]}),
        ("[Fail 500 once]", {"fail": [{"kind": "500", "times": 1}]}),
        ("[fail dead link 3x]", {"fail": [{"kind": "dead_link", "times": 3}]}),
        ("[fail rate limit 12 times]", {"fail": [{"kind": "429", "times": 12}]}),
        ("[refuse]", {"fail": [{"kind": "refusal", "times": None}]}),
        ("[hang once]", {"fail": [{"kind": "hang", "times": 1}]}),
        ("[delay 3s]", {"delay": "3s"}),
        ("[delay 1-5s]", {"delay": "1-5s"}),
        ("[3 pictures]", {"n": 3}),
        ("[n 2]", {"n": 2}),
        ("[deliver markdown_data]", {"deliver": "markdown_data"}),
        ("[retry after 5s]", {"retry_after": "5"}),
        ("#case:S010", {"case": ["S010"]}),
        ("#Case:h006 #case:R002", {"case": ["h006", "R002"]}),
    ],
)
def test_a_hint_sets_request_options(hint: str, members: dict[str, Any]) -> None:
    assert parse_hints(f"a cat {hint}") == ("a cat", members)


@pytest.mark.parametrize(
    "prompt", ["a cat", "a [red] cat", "[429]", "[fail gracefully]", "a [", "[]", "[[hang]x"]
)
def test_other_brackets_are_part_of_the_prompt(prompt: str) -> None:
    plain, members = parse_hints(prompt)

    assert plain == prompt or members == {"fail": [{"kind": "hang", "times": None}]}


def test_several_failures_come_in_their_order() -> None:
    _, members = parse_hints("a cat [fail 429 twice] [fail 500 once]")

    assert [entry["kind"] for entry in members["fail"]] == ["429", "500"]
