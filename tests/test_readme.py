from pathlib import Path

import pytest

from models.setting_scopes import SCOPES, Part
from models.settings import Settings

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
ROWS = [line for line in README.splitlines() if line.startswith("| `DARKROOM_")]
TABLE = {row.split("|")[1].strip(" `"): row for row in ROWS}


@pytest.mark.parametrize("name", [name for name in Settings.model_fields if name != "channels"])
def test_the_readme_tells_each_setting_with_its_default_and_meaning(name: str) -> None:
    row, field = TABLE[f"DARKROOM_{name.upper()}"], Settings.model_fields[name]
    assert str(field.description) in row
    if field.default not in (None, ()):
        assert f"`{getattr(field.default, 'value', field.default)}`" in row


def test_the_readme_tells_of_no_setting_that_is_gone() -> None:
    known = {f"DARKROOM_{name.upper()}" for name in Settings.model_fields}
    assert set(TABLE) <= known


@pytest.mark.parametrize("name", [name for name in Settings.model_fields if name != "channels"])
def test_the_readme_tells_which_parts_read_a_setting(name: str) -> None:
    read_by = TABLE[f"DARKROOM_{name.upper()}"].split("|")[-2].strip()
    assert read_by == ", ".join(part for part in Part if part in SCOPES[name])
