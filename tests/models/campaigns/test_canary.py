"""The canary's sample is spread over rows and variants."""

from hypothesis import given
from hypothesis import strategies as st

from models.campaigns.canary import sample_items

COUNTS = st.integers(1, 60)


@given(COUNTS, COUNTS, COUNTS)
def test_it_has_so_many_different_items_as_are_wanted_and_there(
    rows: int, variants: int, wanted: int
) -> None:
    chosen = sample_items(rows, variants, wanted)
    assert len(set(chosen)) == len(chosen) == min(wanted, rows * variants)
    assert all(0 <= row < rows and 0 <= variant < variants for row, variant in chosen)


def test_it_reaches_the_whole_sheet_and_every_axis() -> None:
    chosen = sample_items(10_000, 12, 20)
    assert chosen[0][0] < 1_000
    assert chosen[-1][0] > 9_000
    assert len({variant for _, variant in chosen}) == 12
