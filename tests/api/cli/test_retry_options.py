"""Options --retry and --expires-in."""

import pytest

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.retry_options import pairs_of, rules_of, seconds_of


def test_members_of_a_class_are_merged_and_values_typed() -> None:
    typed = ["no_image.attempts=3", "no_image.counts=false", "retry.jitter=equal", "retry.cap=none"]
    assert rules_of(typed) == {
        "no_image": {"attempts": 3, "counts": False},
        "retry": {"jitter": "equal", "cap": None},
    }


def test_none_removes_a_class_and_a_later_member_sets_it_again() -> None:
    assert rules_of(["retry.base=2", "retry=none"]) == {"retry": None}
    assert rules_of(["retry=none", "retry.base=2"]) == {"retry": {"base": 2}}


@pytest.mark.parametrize(
    "rule",
    [
        "no_image",
        "no_image=3",
        "=3",
        "no_image.attempts=",
        "No.base=1",
        "a.b.c=1",
    ],
)
def test_an_invalid_rule_is_refused(rule: str) -> None:
    with pytest.raises(CommandFailed, match=r"CLASS.MEMBER=VALUE") as refused:
        rules_of([rule])
    assert refused.value.code is Exit.USAGE


@pytest.mark.parametrize(
    ("typed", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("1.5h", 5_400), ("2d", 172_800)]
)
def test_a_time_span_has_one_unit(typed: str, seconds: float) -> None:
    assert seconds_of("--expires-in", typed) == seconds


@pytest.mark.parametrize("typed", ["", "soon", "-1s", "1h30m", "٣s", "8 h"])
def test_an_invalid_time_span_names_its_option(typed: str) -> None:
    with pytest.raises(CommandFailed, match=r"^--expires-in "):
        seconds_of("--expires-in", typed)


def test_values_are_json_or_text() -> None:
    typed = ["seed=7", "style=vivid", 'more={"a": [1]}', "url=http://a/?b=c", "empty=", "on=true"]
    assert pairs_of("--param", typed) == {
        "seed": 7,
        "style": "vivid",
        "more": {"a": [1]},
        "url": "http://a/?b=c",
        "empty": "",
        "on": True,
    }


@pytest.mark.parametrize("text", ["seed", "=7", ""])
def test_what_is_no_pair_is_refused_with_the_option(text: str) -> None:
    with pytest.raises(CommandFailed, match="--metadata") as refused:
        pairs_of("--metadata", [text])
    assert "NAME=VALUE" in str(refused.value)
