"""Manifest of a run: each item once, and no formula in the CSV."""

import csv
import json
from pathlib import Path

from api.cli.campaign_run.manifest import write_manifest
from api.cli.campaign_run.output_folder import OutputFolder
from tests.api.cli.campaign_run.made import an_item


def test_each_item_is_in_both_files_with_its_pictures(folder: Path) -> None:
    out = OutputFolder(folder, "camp_1")
    items = [an_item("a", b"one", b"two"), an_item("b"), an_item("c", b"three", prompt="=1+1")]
    for item in items:
        out.write(item)
    path = write_manifest(out, items)
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [(each["key"], each["file"], each["bytes"]) for each in records] == [
        ("a", "a.png", 3),
        ("a", "a-2.png", 3),
        ("b", None, None),
        ("c", "c.png", 5),
    ]
    assert (records[2]["error"], records[2]["message"]) == ("refusal", "No.")
    with (folder / "manifest.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["key"] for row in rows] == ["a", "a", "b", "c"]
    assert rows[3]["prompt"] == "'=1+1"
    assert {path.name for path in folder.iterdir() if path.name.endswith(".part")} == set()
