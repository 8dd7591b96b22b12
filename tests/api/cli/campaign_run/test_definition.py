"""Definition of a campaign from options."""

from pathlib import Path

import pytest

from api.cli.campaign_run.definition import axes_of, definition_of, name_of, template_of
from api.cli.exit_codes import CommandFailed, Exit


def test_the_name_is_that_of_the_sheet_unless_given() -> None:
    assert name_of(Path("in/spring shoes.csv"), None) == "spring shoes"
    assert name_of(Path("in/spring.csv"), " night-1 ") == "night-1"
    for wrong in ("", "x" * 129):
        with pytest.raises(CommandFailed, match="--name"):
            name_of(Path("a.csv"), wrong)


def test_a_template_may_be_in_a_file(folder: Path) -> None:
    (folder / "t.txt").write_text("a {colour} 猫\n", encoding="utf-8")
    assert template_of("@t.txt") == "a {colour} 猫"
    assert template_of("a {colour} cat") == "a {colour} cat"
    (folder / "b.txt").write_bytes(b"\xff\xfe\xfd")
    for wrong in ("@gone.txt", "@b.txt", "@"):
        with pytest.raises(CommandFailed) as failed:
            template_of(wrong)
        assert failed.value.code is Exit.USAGE


def test_axes_have_their_values_in_order() -> None:
    assert axes_of(["style=ink, oil", "angle=top", "style=clay"]) == {
        "style": ["ink", "oil", "clay"],
        "angle": ["top"],
    }
    assert axes_of([]) is None


@pytest.mark.parametrize("typed", ["style", "=a", "style=", "style=,", " =a"])
def test_a_wrong_axis_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(CommandFailed, match="style=ink,oil"):
        axes_of([typed])


def test_only_what_is_given_is_sent() -> None:
    nothing = dict.fromkeys(("model", "template", "budget", "canary", "size", "concurrency"))
    assert definition_of(**nothing, matrix=()) == {}  # type: ignore[arg-type]
    full = {"model": "m", "template": "t", "budget": "20USD", "canary": 3, "size": "2:3", "concurrency": 2}
    assert definition_of(**full, matrix=("style=a",)) == {  # type: ignore[arg-type]
        "model": "m",
        "template": "t",
        "axes": {"style": ["a"]},
        "budget": "20USD",
        "canary": 3,
        "defaults": {"size": "2:3"},
        "limits": {"concurrency": 2},
    }
