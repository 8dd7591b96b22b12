"""``darkroom archive read``."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


def test_archived_jobs_are_read_by_day_key_and_file_each_once(
    darkroom: Darkroom, folder: Path, capsys: Printed
) -> None:
    place = folder / "darkroom-data" / "pictures" / "archive/jobs/2026/01/02"
    place.mkdir(parents=True)
    lines = [
        {"id": "job_a", "job": {"take": 1}},
        {"id": "job_b", "job": {}},
        {"id": "job_a", "job": {"take": 2}},
    ]
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    (place / "one.jsonl.zst").write_bytes(zstandard.compress(content))
    for given in ("2026-01-02", "archive/jobs/2026/01/02/one.jsonl.zst", str(place / "one.jsonl.zst")):
        assert darkroom("archive", "read", given) == 0
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert found == [lines[2], lines[1]]
    assert darkroom("archive", "read", "2026-01-02", "--job", "job_b") == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == ["job_b"]
    assert darkroom("archive", "read", "2026-01-03") == 4
    assert darkroom("archive", "read", "nowhere") == 4
    (folder / "other").write_bytes(b"no archive")
    assert darkroom("archive", "read", "other") == 1
