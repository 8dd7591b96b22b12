"""The page on security names settings and files that exist."""

import re
from pathlib import Path

from models.settings import Settings

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_every_setting_of_the_page_exists() -> None:
    named = set(re.findall(r"\bDARKROOM_[A-Z0-9_]*[A-Z0-9]", PAGE))
    assert named <= {f"DARKROOM_{name.upper()}" for name in Settings.model_fields}


def test_the_defaults_of_the_table_of_limits_are_those_of_the_settings() -> None:
    checked = 0
    rows = (line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.count(" | ") == 3)
    for _, setting, default, _ in rows:
        found = re.fullmatch(r"([\d,]+)( MiB| characters)?", default)
        if found and re.fullmatch(r"`DARKROOM_\w+`", setting):
            shown = int(found[1].replace(",", "")) * (2**20 if found[2] == " MiB" else 1)
            assert (
                shown == Settings.model_fields[setting.strip("`").removeprefix("DARKROOM_").lower()].default
            )
            checked += 1
    assert checked >= 3


def test_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)#]+)", PAGE)
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
    assert "docs/security.md" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "security.md" in (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_tests_that_the_page_names_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)`", PAGE)
    assert len(named) > 15
    assert [name for name in named if not (ROOT / name).exists()] == []
