"""Near duplicates: pictures whose difference hashes differ in few bits, found by bands of the hash.

Of two hashes that differ in at most three bits, one of four disjoint bands is equal (pigeonhole principle).
Each band has every fourth bit, so that a plain background at one side of a picture does not fill a band.
"""

BANDS = 4
MOST_BITS = BANDS - 1  #: by which near duplicates differ
_BITS = 64


def bands_of(dhash: int) -> list[int]:
    """Return the bands of a hash, each with its number above its 16 bits."""
    unsigned = dhash % 2**_BITS
    return [_band(unsigned, number) for number in range(BANDS)]


def _band(unsigned: int, number: int) -> int:
    bits = 0
    for position in range(number, _BITS, BANDS):
        bits = bits << 1 | (unsigned >> position & 1)
    return (number << (_BITS // BANDS)) | bits


def differing_bits(one: int, other: int) -> int:
    """Return in how many bits two hashes differ (Hamming distance)."""
    different: int = (one ^ other) % 2**_BITS
    return different.bit_count()


def is_near(one: int, other: int) -> bool:
    """Return whether the pictures of two hashes look the same."""
    return differing_bits(one, other) <= MOST_BITS
