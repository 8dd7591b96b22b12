"""``darkroom prices``: the list, and the import of a file."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from models.money.price_list import load_prices

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


def test_the_list_names_the_source_and_the_day_of_each_price(darkroom: Darkroom, capsys: Printed) -> None:
    assert darkroom("prices", "list") == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {each["channel"] for each in found} == {"official"}
    assert all(each["source"] and each["date"] for each in found)


def test_an_imported_file_outranks_the_shipped_list(darkroom: Darkroom, tmp_path: Path) -> None:
    (file := tmp_path / "litellm.json").write_text(
        json.dumps({"gpt-image-2": {"mode": "image_generation", "output_cost_per_image": 0.5}})
    )
    made = tmp_path / "prices.toml"
    assert darkroom("prices", "import", str(file), "--to", str(made)) == 0
    assert str(load_prices(made).by_name["gpt-image-2"].price.per_picture) == "0.5"
    assert darkroom("prices", "import", str(made), "--to", str(tmp_path / "again.toml")) == 0
    for text in ("[]", "{", "{}"):
        file.write_text(text)
        assert darkroom("prices", "import", str(file), "--to", str(made)) in (1, 2)
