"""Ids of a table, as short as they can be told apart; they are accepted so (``models.queries.short_ids``)."""

from collections.abc import Sequence
from itertools import pairwise

_LEAST = 12  # digits that are shown at least: the time of creation and some random bits
_MARGIN = 2  # digits beyond those that are unique in a table, for ids that it does not show


def shown_ids(ids: Sequence[str]) -> list[str]:
    """Return the ids in their shortest form that is unique among them, with a margin; other texts stay."""
    length = 0
    for first, second in pairwise(sorted({each for each in ids if "_" in each})):
        shared = next((at for at, pair in enumerate(zip(first, second, strict=False)) if len({*pair}) > 1), 0)
        length = max(length, shared + 1 + _MARGIN)
    return [each[: max(length, each.find("_") + 1 + _LEAST)] if "_" in each else each for each in ids]
