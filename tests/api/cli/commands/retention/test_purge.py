"""``darkroom purge``, against database and storage of the current folder."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.ids import new_id
from worker.asset_store import content_key

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]
KEY = content_key("a" * 64, "png")
pytestmark = pytest.mark.usefixtures("migrated")


def fill(folder: Path, darkroom: Darkroom, capsys: Printed, *, statuses: tuple[str, ...]) -> None:
    """Give a caller jobs in these states, each submitted a day later, and the first an image."""
    darkroom("keys", "create", "alice")
    capsys.readouterr()
    with sqlite3.connect(folder / "darkroom-data" / "darkroom.db") as database:
        (caller,) = database.execute("SELECT id FROM callers WHERE name = 'alice'").fetchone()
        ids = [new_id().hex for _ in statuses]
        for day, (key, status) in enumerate(zip(ids, statuses, strict=True), start=1):
            at = f"2026-01-0{day} 00:00:00.000000"
            values = (key, caller, status, at, at, at)
            database.execute(
                "INSERT INTO jobs (id, caller_id, status, created_at, updated_at, not_before, surface,"
                " revision, generation, model, prompt, request, tags, metadata, priority, max_attempts,"
                " on_unknown, backing_off, progress, attempts_used, store_tries) VALUES"
                " (?, ?, ?, ?, ?, ?, 'rest', 1, 1, 'm', 'a cat', '{}', '[]', '{}', 5, 3, 'hold', 0, 0, 0, 0)",
                values,
            )
        database.execute(
            "INSERT INTO assets (id, caller_id, job_id, position, token, key, sha256, content_type,"
            " extension, bytes, created_at) VALUES (?, ?, ?, 0, 't', ?, 'a', 'image/png', 'png', 1, ?)",
            (new_id().hex, caller, ids[0], KEY, "2026-01-01 00:00:00.000000"),
        )


def printed(capsys: Printed) -> dict[str, Any]:
    """Return the JSON line that a command printed."""
    (line,) = capsys.readouterr().out.splitlines()
    value: dict[str, Any] = json.loads(line)
    return value


def test_ended_jobs_go_and_open_ones_are_reported(darkroom: Darkroom, folder: Path, capsys: Printed) -> None:
    fill(folder, darkroom, capsys, statuses=("succeeded", "failed", "queued"))
    assert darkroom("purge", "--caller", "alice", "--dry-run") == 0
    found = printed(capsys)
    assert (found["ended"], found["open"], found["pictures"]) == (2, 1, 1)
    assert darkroom("purge", "--caller", "alice") == 2, "nobody answered the question"
    assert darkroom("purge", "--caller", "alice", "--yes") == 0
    report = printed(capsys)
    assert (report["jobs"], report["pictures"], report["left"]) == (
        2,
        1,
        {"ended": 0, "open": 1, "pictures": 0},
    )
    with sqlite3.connect(folder / "darkroom-data" / "darkroom.db") as database:
        kinds = database.execute("SELECT kind, reason FROM tombstones ORDER BY kind").fetchall()
    assert kinds == [("asset", "purge"), ("job", "purge"), ("job", "purge")]


def test_only_jobs_from_before_a_day_go(darkroom: Darkroom, folder: Path, capsys: Printed) -> None:
    fill(folder, darkroom, capsys, statuses=("succeeded", "failed"))
    assert darkroom("purge", "--caller", "alice", "--before", "2026-01-02", "--yes") == 0
    report = printed(capsys)
    assert (report["jobs"], report["left"]["ended"]) == (1, 0)
    assert darkroom("purge", "--caller", "alice", "--before", "yesterday", "--yes") == 2
    assert darkroom("purge", "--caller", "bob", "--yes") == 4
