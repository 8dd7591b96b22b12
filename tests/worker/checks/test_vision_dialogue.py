"""Answers of vision models, as they write them: JSON, JSON in a fence, lines, a word; and nothing usable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.checks.vision_dialogue import has_passed, make_prompt, parse_answers

JSON = (
    '{"answers": [{"question": 1, "answer": "yes", "reason": "one shoe"}, {"question": 2, "answer": "No"}]}'
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (JSON, [True, False]),
        (f"Sure!\n```json\n{JSON}\n```\nAnything else?", [True, False]),
        ('[{"question": "2", "answer": false}, {"question": 1, "answer": true}]', [None, None]),
        ('{"answers": {"1": "yes", "2": {"answer": "no"}}}', [True, False]),
        ('{"1": "yes", "2": "no"}', [True, False]),
        ('{"answers": ["Yes.", "no, it is blurred"]}', [True, False]),
        ("1. Yes, it is.\n2) No - there are two.", [True, False]),
        ("**1.** yes\n**2.** **no**", [True, False]),
        ("Question 1: yes", [None, None]),
        ('{"answers": [{"question": 1, "answer": "maybe"}]}', [None, None]),
        ('{"answers": [{"question": 7, "answer": "yes"}]}', [None, None]),
        ("I can't look at pictures.", [None, None]),
        ("{" * 50_000, [None, None]),
        ("", [None, None]),
    ],
)
def test_answers_are_read_or_missing(text: str, expected: list[bool | None]) -> None:
    assert [each.yes for each in parse_answers(text, 2)] == expected


def test_one_question_may_be_answered_with_a_word() -> None:
    (answer,) = parse_answers("No: it is blurred.", 1)
    assert (answer.yes, answer.reason) == (False, "it is blurred.")
    assert parse_answers("Notable colours", 1)[0].yes is None


def test_reasons_are_kept() -> None:
    assert parse_answers(JSON, 2)[0].to_json() == {"answer": "yes", "reason": "one shoe"}
    assert parse_answers("1. no: two shoes", 1)[0].reason == "two shoes"


@given(st.text(max_size=300), st.integers(1, 5))
def test_any_text_has_as_many_answers_as_questions(text: str, count: int) -> None:
    assert len(parse_answers(text, count)) == count


def test_one_no_fails_and_a_missing_answer_leaves_it_open() -> None:
    assert has_passed(parse_answers(JSON, 2)) is False
    assert has_passed(parse_answers('{"answers": ["yes"]}', 2)) is None
    assert has_passed(parse_answers('{"answers": ["yes", "yes"]}', 2)) is True
    assert has_passed([]) is None


def test_the_prompt_has_each_question_with_its_number() -> None:
    prompt = make_prompt(["Is it a shoe?", "Is the background white?"])
    assert "1. Is it a shoe?\n2. Is the background white?\n" in prompt
