"""Phrase tables and the normalisation of texts and member names."""

import pytest

from worker.upstream.matching import (
    compile_patterns,
    find_match,
    first_match,
    fold_name,
    normalize,
    to_simplified,
    without_quotations,
)


@pytest.mark.parametrize("name", ["JobStatus", "job_status", "jobStatus", "job-status", "JOBSTATUS"])
def test_all_spellings_of_a_members_name_are_one(name: str) -> None:
    assert fold_name(name) == "jobstatus"


def test_a_name_that_is_too_long_to_be_known_stays_as_it_is() -> None:
    assert fold_name("A_" * 60) == "A_" * 60


def test_the_first_row_that_matches_decides() -> None:
    table = compile_patterns(("first", "ab", "cd"), ("second", "bc"))
    assert [first_match(table, text) for text in ("abc", "xbc", "cdbc", "x")] == [
        "first",
        "second",
        "first",
        None,
    ]


def test_a_text_is_normalised_and_cut_in_its_middle() -> None:
    assert normalize("  Can’t 餘額 ") == "can't 余额"
    assert len(normalize("a" * 9000 + "b")) == 4096
    assert (to_simplified("plain"), to_simplified("餘")) == ("plain", "余")


def test_the_words_that_match_are_told() -> None:
    table = compile_patterns(("first", "aa", "b+"), ("second", "余额不足"))
    assert find_match(table, "x bbb 余额不足") == ("first", "bbb")
    assert find_match(table, "x") is None


@pytest.mark.parametrize(
    "text", ["x “q” y", 'x "q" y', "x 「q」 y", "x 《q》 y", "x 'qq' y", "x `q` y", "x «q» y"]
)
def test_quotations_are_removed(text: str) -> None:
    assert without_quotations(text).split() == ["x", "…", "y"]


@pytest.mark.parametrize("text", ["I can't and I won't", 'one " only', "the users' key isn't valid"])
def test_apostrophes_are_no_quotations(text: str) -> None:
    assert without_quotations(text) == text
