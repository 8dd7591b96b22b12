"""Banned words: found as readers see them, and not within other words."""

import pytest

from models.midjourney.banned_words import find_banned_word


@pytest.mark.parametrize(
    ("prompt", "word"),
    [
        ("a gore scene", "gore"),
        ("GORE", "gore"),
        ("a scene, gore!", "Gore"),
        ("gore-like, with_gore_", "gore"),
        ("ｇｏｒｅ", "gore"),
        ("two\n  words", "two words"),
        ("c++ code", "c++"),
        ("GROẞE STRASSE", "große straße"),
        ("一只猫在桌上", "猫"),
        ("画猫cat猫", "cat"),
        ("เด็กผู้หญิงเปลือย", "เปลือย"),
        ("かわいいねこ", "ねこ"),
        ("gores, gore", "gore"),
        ("a cat --no gore", "gore"),
    ],
)
def test_a_banned_word_is_found(prompt: str, word: str) -> None:
    assert find_banned_word(prompt, ("something else", word)) == word


@pytest.mark.parametrize(
    ("prompt", "word"),
    [
        ("glass", "ass"),
        ("assume", "ass"),
        ("gore2", "gore"),
        ("two other words", "two words"),
        ("кошка", "кош"),
        ("नग्न", "नग"),
        ("", "gore"),
    ],
)
def test_a_part_of_another_word_is_not_banned(prompt: str, word: str) -> None:
    assert find_banned_word(prompt, (word,)) is None


def test_without_words_nothing_is_banned() -> None:
    assert find_banned_word("gore", ()) is None


def test_the_first_of_the_words_is_returned() -> None:
    assert find_banned_word("blood and gore", ("gore", "blood")) == "gore"
