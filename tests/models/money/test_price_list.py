"""The shipped price list, and files that outrank it."""

from pathlib import Path

import pytest

from models.errors import SettingsError
from models.money.cost import CallShape, ChannelPrice
from models.money.price_list import SHIPPED, load_prices, read_rows

ROW = """[[prices]]
model = "gpt-image-1"
source = "my contract"
date = 2026-11-01
price = { per_call = 0.07 }
"""


def test_every_row_names_its_source_and_its_day_and_can_estimate_a_call() -> None:
    rows = read_rows(SHIPPED)
    assert len(rows) >= 20
    for row in rows:
        assert "." in row.source
        assert row.date.year >= 2026
        assert ChannelPrice(price=row.price).expected(CallShape(size="1024x1024")) is not None
    names = [name for row in rows for name in (row.model, *row.aliases)]
    assert len(names) == len(set(names))


def test_a_file_outranks_the_shipped_rows(tmp_path: Path) -> None:
    (file := tmp_path / "prices.toml").write_text(ROW)
    found = load_prices(file).by_name
    assert found["gpt-image-1"].source == "my contract"
    assert found["gpt-image-2"].date.year == 2026


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = ", "not valid TOML"),
        ("a = 1", r"\[\[prices\]\]"),
        (ROW.replace("my contract", ""), "row 1, source"),
        (ROW.replace("0.07", '"much"'), "row 1, price.per_call"),
        (ROW.replace("date = 2026-11-01", ""), "row 1, date"),
    ],
)
def test_a_fault_names_its_row_and_member(text: str, words: str, tmp_path: Path) -> None:
    (file := tmp_path / "p.toml").write_text(text)
    with pytest.raises(SettingsError, match=words):
        read_rows(file)
