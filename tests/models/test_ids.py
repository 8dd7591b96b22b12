"""Public ids."""

import time
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as some

from models.clock import now
from models.errors import NotFound
from models.ids import first_id, new_id, parse_id, public_id, short_range


@given(some.uuids())
def test_an_id_comes_back_as_the_key_that_it_was_made_of(key: UUID) -> None:
    assert parse_id("job", public_id("job", key)) == key


@given(some.uuids(), some.uuids())
def test_ids_sort_as_their_keys_do(one: UUID, other: UUID) -> None:
    assert (one < other) is (public_id("job", one) < public_id("job", other))


@given(some.uuids(), some.uuids())
def test_two_keys_never_share_an_id(one: UUID, other: UUID) -> None:
    assert (one == other) is (public_id("job", one) == public_id("job", other))


def test_ids_are_those_of_the_typeid_specification() -> None:
    key = UUID("0110c853-1d09-52d8-d73e-1194e95b5f19")
    assert public_id("job", key) == "job_0123456789abcdefghjkmnpqrs"
    assert public_id("job", UUID(int=2**128 - 1)) == "job_7zzzzzzzzzzzzzzzzzzzzzzzzz"


def test_keys_sort_by_the_time_they_were_made() -> None:
    keys = []
    for _ in range(5):
        keys.append(new_id())
        before = time.time_ns() // 1_000_000
        while time.time_ns() // 1_000_000 == before:
            pass
    assert keys == sorted(keys)
    assert all(key.version == 7 for key in keys)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "job",
        "job_",
        "asset_0123456789abcdefghjkmnpqrs",
        "job_0123456789abcdefghjkmnpqr",
        "job_0123456789abcdefghjkmnpqrst",
        "job_0123456789ABCDEFGHJKMNPQRS",
        "job_0123456789abcdefghjkmnpqr!",
        "job_8zzzzzzzzzzzzzzzzzzzzzzzzz",
        "job_0123456789abcdefghjkmnpqri",
        "job-0123456789abcdefghjkmnpqrs",
        "job_\N{DIGIT ONE}\N{ARABIC-INDIC DIGIT ONE}23456789abcdefghjkmnpqrs",
    ],
)
def test_what_is_not_an_id_of_this_kind_does_not_exist(text: str) -> None:
    with pytest.raises(NotFound):
        parse_id("job", text)


def test_a_moment_stands_between_the_ids_made_before_and_after_it() -> None:
    before = now()
    made = new_id()
    assert first_id(before) <= made < first_id(now() + timedelta(milliseconds=1))


@given(some.text())
def test_any_text_is_an_id_or_does_not_exist(text: str) -> None:
    with pytest.raises(NotFound):
        parse_id("job", text)


def test_a_wrong_id_is_not_repeated_at_length() -> None:
    with pytest.raises(NotFound) as raised:
        parse_id("job", "x" * 10_000)
    assert len(str(raised.value)) < 200


@given(some.uuids(), some.integers(8, 26))
def test_a_short_id_names_the_range_of_the_keys_that_begin_so(key: UUID, digits: int) -> None:
    beginning = public_id("job", key).removeprefix("job_")[:digits]
    found = short_range("job", beginning)
    assert found is not None
    assert found[0] <= key <= found[1]
    assert [public_id("job", each).removeprefix("job_")[:digits] for each in found] == [beginning] * 2


@pytest.mark.parametrize(
    "text",
    ["job_0123456", "asset_01h455vb4pex", "job_01h455vb4pex5vsknk084sn02q", "job_01H455VB4PEX", "8zzzzzzz"],
)
def test_other_texts_are_no_short_ids_of_the_kind(text: str) -> None:
    assert short_range("job", text) is None


def test_an_id_that_is_too_short_says_how_many_characters_it_needs() -> None:
    with pytest.raises(NotFound, match=r"There is no job 'job_01'\. A short id has at least 8 characters"):
        parse_id("job", "job_01")
