"""Options of names and values."""

import pytest

from api.cli.exit_codes import CommandFailed
from api.cli.pair_options import pairs_of


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
