"""``darkroom retention``: rules of callers and campaigns."""

import json
from collections.abc import Callable

import pytest

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]
pytestmark = pytest.mark.usefixtures("migrated")


def test_rules_are_set_shown_and_removed(
    darkroom: Darkroom, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_RETENTION_EVENTS", "86400")
    darkroom("keys", "create", "alice")
    capsys.readouterr()
    assert darkroom("retention", "set", "jobs=30d", "pictures=keep", "--caller", "alice") == 0
    assert json.loads(capsys.readouterr().out)["jobs"] == 30 * 86_400
    assert darkroom("retention", "set", "pictures=default", "--caller", "alice") == 0
    capsys.readouterr()
    assert darkroom("retention", "show") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["rules"] == [{"of": "caller alice", "jobs": 2_592_000}]
    assert (shown["settings"]["events"], shown["settings"]["jobs"]) == (86_400, "keep")


def test_what_is_wrong_is_named(darkroom: Darkroom, capsys: Printed) -> None:
    darkroom("keys", "create", "alice")
    assert darkroom("retention", "set", "jobs=soon", "--caller", "alice") == 2
    assert "30d" in capsys.readouterr().err
    assert darkroom("retention", "set", "weather=1d", "--caller", "alice") == 2
    assert darkroom("retention", "set", "jobs=1d", "--caller", "bob") == 4
    assert darkroom("retention", "set", "jobs=1d", "--caller", "alice", "--campaign", "none") == 4
