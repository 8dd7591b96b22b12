"""``darkroom storage check``, against database and storage of the current folder."""

import json
import os
import sqlite3
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from worker.asset_store import content_key

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


def checked(darkroom: Darkroom, capsys: Printed, *arguments: str) -> tuple[int, dict[str, Any]]:
    code = darkroom("storage", "check", *arguments)
    (line,) = capsys.readouterr().out.splitlines()
    value: dict[str, Any] = json.loads(line)
    return code, value


@pytest.mark.usefixtures("migrated")
def test_orphans_are_counted_and_only_deleted_on_request(
    darkroom: Darkroom, folder: Path, capsys: Printed
) -> None:
    darkroom("keys", "create", "alice")
    capsys.readouterr()
    assert checked(darkroom, capsys)[0] == 0
    pictures = folder / "darkroom-data" / "pictures"
    for marker in (pictures / ".databases").iterdir():
        os.utime(marker, (1, 1))
    orphan = pictures / content_key(sha256(b"orphan").hexdigest(), "png")
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"orphan")
    os.utime(orphan, (1_000_000, 1_000_000))
    code, value = checked(darkroom, capsys)
    assert (code, value["files"], value["orphans"], value["orphan_bytes"], value["deleted"]) == (
        1,
        1,
        1,
        6,
        0,
    )
    assert orphan.exists()
    code, value = checked(darkroom, capsys, "--repair")
    assert (code, value["deleted"], orphan.exists()) == (0, 1, False)


@pytest.mark.usefixtures("migrated")
def test_an_image_without_a_file_is_named_here_and_by_doctor(
    darkroom: Darkroom, folder: Path, capsys: Printed
) -> None:
    darkroom("keys", "create", "alice")
    with sqlite3.connect(folder / "darkroom-data" / "darkroom.db") as database:
        database.execute(
            "INSERT INTO assets (id, caller_id, position, token, key, sha256, content_type, extension, bytes,"
            " created_at) SELECT 'aa', id, 0, 't', 'ab/cd/gone.png', 'abcd', 'image/png', 'png', 9,"
            " '2026-01-01 00:00:00.000000' FROM callers"
        )
        database.execute("UPDATE assets SET id = '019b76da27a87cc2b1c6a6b8a1f0d3e4'")
    database.close()
    capsys.readouterr()
    code, value = checked(darkroom, capsys)
    assert (code, [each["key"] for each in value["missing"]]) == (1, ["ab/cd/gone.png"])
    assert darkroom("doctor", "--offline") == 1
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (problem,) = [each for each in found if each["check"] == "images"]
    assert "1 images" in problem["message"]
    assert "darkroom storage check" in problem["fix"]
