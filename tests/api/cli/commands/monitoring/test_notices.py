"""``darkroom notices``."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from models.ids import new_id, public_id

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


@pytest.mark.usefixtures("migrated")
def test_notices_are_listed_with_their_commands_and_acknowledged(
    darkroom: Darkroom, folder: Path, capsys: Printed
) -> None:
    key = new_id()
    with sqlite3.connect(folder / "darkroom-data" / "darkroom.db") as database:
        values = (
            key.hex,
            "held_jobs",
            "",
            "ticket",
            "3 jobs wait.",
            "look here",
            "act so",
            "2026-01-01 00:00:00",
        )
        database.execute(
            "INSERT INTO notices (id, alert, subject, severity, summary, inspect, act, began_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )
    assert darkroom("notices", "list") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["summary"], shown["inspect"], shown["act"]) == ("3 jobs wait.", "look here", "act so")
    assert darkroom("notices", "ack", public_id("notice", key)) == 0
    assert json.loads(capsys.readouterr().out)["acknowledged_by"] == "the command line"
    assert darkroom("notices", "ack", public_id("notice", new_id())) == 4
    assert darkroom("notices", "list", "--ended") == 0
