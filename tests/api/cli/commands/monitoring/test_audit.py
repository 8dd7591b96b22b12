"""``darkroom audit``."""

import json
from collections.abc import Callable

import pytest

Darkroom = Callable[..., int]


@pytest.mark.usefixtures("migrated")
def test_changes_by_commands_are_listed_by_target(
    darkroom: Darkroom, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ann", "ben"):
        assert darkroom("keys", "create", name) == 0
    capsys.readouterr()
    assert darkroom("audit") == 0
    newest, first = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (newest["through"], newest["after"]["name"], first["after"]["name"]) == (
        "command line",
        "ben",
        "ann",
    )
    assert darkroom("audit", "--before", newest["id"], "--by", newest["by"], "--limit", "1") == 0
    assert json.loads(capsys.readouterr().out)["id"] == first["id"]
