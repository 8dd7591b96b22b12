"""Columns are fields by a mapping, or by their own name."""

import pytest

from api.campaigns.columns import check_mapping, fields_of
from models.errors import InvalidRequest


def test_a_mapping_outranks_the_names_of_columns() -> None:
    columns = ["key", "SKU", "params.seed", "colour", ""]
    assert fields_of(columns, {}) == {"key": "key", "params.seed": "params.seed"}
    assert fields_of(columns, {"SKU": "key", "colour": "-"}) == {
        "SKU": "key",
        "params.seed": "params.seed",
        "colour": "-",
    }


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ([], "mapping"),
        ({"a": "colour"}, "mapping.a"),
        ({"a": "key", "b": "key"}, "mapping.b"),
        ({"a": 1}, "mapping.a"),
    ],
)
def test_a_wrong_mapping_names_its_column(given: object, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_mapping(given)
    assert caught.value.field == field
