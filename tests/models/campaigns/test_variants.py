"""Variants: combinations of axes by number, their names, and the ceiling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.campaigns.variants import TooManyCombinations, make_variants, variant_name

AXES = {"style": ["a", "b", "c"], "angle": ["1", "2"]}


def test_a_product_has_each_combination_once_in_order() -> None:
    variants = make_variants(AXES, ceiling=6)
    names = [variant_name(variants.assignment(index)) for index in range(len(variants))]
    assert names[:3] == ["style=a,angle=1", "style=a,angle=2", "style=b,angle=1"]
    assert len(set(names)) == 6
    assert variants.formula(120) == "3 style × 2 angle × 120 rows = 720"


def test_zipped_axes_go_side_by_side_and_need_equally_many_values() -> None:
    variants = make_variants({"x": ["1", "2"], "y": ["3", "4"]}, combine="zip", ceiling=9)
    assert [variants.assignment(index) for index in range(2)] == [{"x": "1", "y": "3"}, {"x": "2", "y": "4"}]
    with pytest.raises(ValueError, match="equally many"):
        make_variants(AXES, combine="zip", ceiling=9)


def test_skipped_combinations_are_left_out_and_a_sample_is_the_same_for_a_seed() -> None:
    variants = make_variants(AXES, skip=[{"style": "b"}], ceiling=6)
    assert {variants.assignment(index)["style"] for index in range(len(variants))} == {"a", "c"}
    drawn = [make_variants(AXES, sample=2, seed=7, ceiling=6).numbers for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 2


def test_a_billion_combinations_are_refused_with_the_name_of_the_ceiling() -> None:
    axes = {name: [str(number) for number in range(1_000)] for name in "xyz"}
    with pytest.raises(TooManyCombinations, match=r"1,000,000,000.*DARKROOM_CAMPAIGN_COMBINATIONS"):
        make_variants(axes, sample=3, ceiling=100_000)


@given(st.dictionaries(st.text(), st.text(), max_size=3), st.dictionaries(st.text(), st.text(), max_size=3))
def test_different_values_never_share_a_name(one: dict[str, str], other: dict[str, str]) -> None:
    assert (variant_name(one) == variant_name(other)) == (list(one.items()) == list(other.items()))
