"""Rendering: which value of row, axes, template and defaults is used."""

import pytest

from models.campaigns.item_request import render_item
from models.campaigns.row import RowContent
from models.campaigns.spec import CampaignSpec
from models.campaigns.template import TemplateError

SPEC = CampaignSpec.model_validate(
    {
        "name": "spring",
        "model": "m1",
        "template": {"prompt": "a {colour} {thing}", "images": ["{key}.png"], "params": {"seed": "{seed|1}"}},
        "defaults": {"size": "1K", "n": 2, "params": {"quality": "low"}},
    }
)


def test_template_and_defaults_fill_what_the_row_leaves_open() -> None:
    row = RowContent({"colour": "red"}, {"files": {"k1.png": "asset_x"}, "metadata": {"sku": 1}})
    item = render_item(SPEC, "k1", row, {"thing": "cat"})
    assert item.prompt == "a red cat"
    assert item.request == {
        "images": ["asset_x"],
        "size": "1K",
        "n": 2,
        "params": {"quality": "low", "seed": "1"},
    }
    assert (item.model, item.metadata) == ("m1", {"sku": 1})


def test_the_row_outranks_the_template_and_an_axis_outranks_the_row() -> None:
    own = {"prompt": "{literal}", "model": "m2", "size": "2K", "n": 1, "params": {"quality": "high"}}
    item = render_item(SPEC, "k", RowContent({}, own), {"model": "m3"})
    assert (item.prompt, item.model, item.size, item.n) == ("{literal}", "m3", "2K", 1)
    assert item.params["quality"] == "high"


def test_all_that_is_missing_is_named_at_once() -> None:
    spec = CampaignSpec.model_validate({"name": "x", "template": {"prompt": "{a} {b}"}})
    with pytest.raises(TemplateError) as caught:
        render_item(spec, "k", RowContent({}, {}), {})
    assert [each.code for each in caught.value.problems] == ["unknown_variable"] * 2 + ["no_model"]


def test_equal_rows_have_the_same_hash_whatever_the_order_of_columns() -> None:
    one, other = RowContent({"a": "1", "b": "2"}, {}), RowContent({"b": "2", "a": "1"}, {})
    assert one.content_hash == other.content_hash != RowContent({"a": "1"}, {}).content_hash
