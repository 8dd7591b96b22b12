"""Numbered prompts, as models write them."""

import pytest

from worker.midjourney.text_results import numbered_prompts, text_before_list

TWO = ["a red cat", "a blue dog"]


@pytest.mark.parametrize(
    "text",
    [
        "1. a red cat\n2. a blue dog",
        "1) a red cat\n\n2) a blue dog\n\nLet me know if you want more!",
        "Here you go:\n\n1️⃣ a red cat\n\n2️⃣ a blue dog",
        "**1.** a red cat\n**2.** a blue dog",
        "### Prompt 1: a red cat\n\n### Prompt 2: a blue dog",
        "**Prompt 1:**\na red cat\n\n**Prompt 2:**\na blue dog",
        "1、a red cat\n2、a blue dog",
        "① a red cat\n② a blue dog",
        '1. "a red cat"\n2. "a blue dog"',
        "- a red cat\n- a blue dog",
        "1. a red\n   cat\n2. a blue\n   dog",
        "1. a red cat\r\n2. a blue dog\r\n",
    ],
)
def test_prompts_are_found_in_lists_of_any_format(text: str) -> None:
    assert numbered_prompts(text, 4) == TWO


def test_a_text_without_a_list_is_one_prompt() -> None:
    assert numbered_prompts("A red cat,\nsitting.", 4) == ["A red cat, sitting."]
    assert numbered_prompts("  \n", 4) == []


def test_numbers_within_a_prompt_do_not_divide_it() -> None:
    assert numbered_prompts("1. a cat, 35mm, f/1.8, 3:2\n2. 3 dogs", 4) == [
        "a cat, 35mm, f/1.8, 3:2",
        "3 dogs",
    ]


def test_no_more_prompts_than_wanted() -> None:
    assert len(numbered_prompts("\n".join(f"{n}. a cat" for n in range(1, 12)), 4)) == 4


def test_the_text_before_the_list_is_returned() -> None:
    assert text_before_list("Tokens: cat, red\n\n1. a cat") == "Tokens: cat, red"
    assert text_before_list("no list") == ""
