"""Words of failures: what differs from one call to the next is replaced."""

import pytest

from models.campaigns.fingerprint import LONGEST, normalize_words


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("request req-81f failed after 12.5 s", "request req-99a failed after 3 s"),
        ("see https://a.example/x?y=1 for more", "see https://b.example/ for more"),
        ("task 3f2a9c81d0 is lost", "task 77b1aaee01 is lost"),
        ("two  words\n", "two words"),
    ],
)
def test_failures_that_differ_by_ids_numbers_and_addresses_are_equal(first: str, second: str) -> None:
    assert normalize_words(first) == normalize_words(second)


def test_other_words_stay_others_and_are_short() -> None:
    assert normalize_words("content policy") == "content policy"
    assert normalize_words("content policy") != normalize_words("rate limit")
    assert len(normalize_words("word " * 10_000)) <= LONGEST
