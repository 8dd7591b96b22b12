import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.chaos.launcher import hanging, stepped

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_clock_is_ahead_by_as_much_as_its_file_says_now(tmp_path: Path) -> None:
    offset = tmp_path / "clock"
    clock = stepped(lambda: NOW, offset)
    for seconds in (0.0, -600.0, 20.5):
        offset.write_text(str(seconds))
        assert clock() == NOW + timedelta(seconds=seconds)


def test_a_call_hangs_while_the_file_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sign, calls, waits = tmp_path / "hang", list[int](), list[float]()

    def wait(seconds: float) -> None:
        assert calls == []
        waits.append(seconds)
        sign.unlink()

    monkeypatch.setattr(time, "sleep", wait)
    sign.touch()
    hanging(calls.append, sign)(7)
    assert (calls, len(waits)) == ([7], 1)
