"""A record becomes a row, or all the errors that it has."""

from datetime import UTC, datetime
from typing import Any

from api.campaigns.row_reader import RowReader
from api.campaigns.sheets.record import Record
from models.campaigns.spec import CampaignSpec
from models.queries.campaigns.rows import ImportedRow
from models.settings import Settings

SPEC = CampaignSpec.model_validate({"name": "x", "model": "m", "template": {"prompt": "a {colour} cat"}})


def read(cells: dict[str, Any], mapping: dict[str, str] | None = None, **files: str) -> Any:
    reader = RowReader(SPEC, {}, mapping or {}, files, Settings(), datetime(2026, 1, 1, tzinfo=UTC))
    return reader.read(Record(2, cells))


def test_fields_and_variables_are_told_apart() -> None:
    row = read(
        {
            "key": " k ",
            "colour": "red",
            "n": "2",
            "params.seed": "7",
            "metadata.sku": "007x",
            "images": "one",
        },
        one="asset_01h455vb4pex5vsknk084sn02q",
    )
    assert isinstance(row, ImportedRow)
    assert (row.key, row.content.variables["colour"]) == ("k", "red")
    assert row.content.overrides == {
        "n": 2,
        "params": {"seed": 7},
        "metadata": {"sku": "007x"},
        "images": ["asset_01h455vb4pex5vsknk084sn02q"],
    }


def test_all_errors_of_a_record_come_together() -> None:
    errors = read({"key": "k", "colour": [], "n": "0", "images": "gone.png"})
    assert [(each.column, each.line) for each in errors] == [("colour", 2), ("n", 2), ("images", 2)]


def test_a_row_without_a_key_gets_one_of_its_content() -> None:
    keys = [read({"colour": colour}).key for colour in ("red", "red", "blue")]
    assert keys[0] == keys[1] != keys[2]
