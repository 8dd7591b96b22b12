"""Near duplicates: a band finds every hash that differs in at most three bits."""

from hypothesis import given
from hypothesis import strategies as st

from models.checks.near_duplicates import MOST_BITS, bands_of, differing_bits, is_near

HASHES = st.integers(-(2**63), 2**63 - 1)
BITS = st.sets(st.integers(0, 63), max_size=MOST_BITS)


def flipped(dhash: int, bits: set[int]) -> int:
    value = dhash % 2**64
    for bit in bits:
        value ^= 1 << bit
    return value - 2**64 if value >= 2**63 else value


@given(HASHES, BITS)
def test_hashes_that_differ_in_three_bits_share_a_band(dhash: int, bits: set[int]) -> None:
    other = flipped(dhash, bits)
    assert differing_bits(dhash, other) == len(bits)
    assert is_near(dhash, other)
    assert set(bands_of(dhash)) & set(bands_of(other))


@given(HASHES)
def test_bands_are_disjoint_and_fit_a_column(dhash: int) -> None:
    bands = bands_of(dhash)
    assert len(set(bands)) == 4
    assert [band >> 16 for band in bands] == [0, 1, 2, 3]


def test_four_bits_are_too_many() -> None:
    assert not is_near(0, 0b1111)
    assert differing_bits(-1, 0) == 64
