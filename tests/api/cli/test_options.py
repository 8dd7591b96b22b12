"""Options that many commands share."""

import pytest

from api.cli.exit_codes import CommandFailed
from api.cli.options import read_filter, read_statuses


@pytest.mark.parametrize(
    "text",
    ["status=failed&tag=a+b", "?status=failed&tag=a%20b", "http://x/dashboard/jobs?status=failed&tag=a+b#e"],
)
def test_a_filter_is_a_query_string_or_an_address_with_one(text: str) -> None:
    assert read_filter(text) == {"status": "failed", "tag": "a b"}
    assert read_filter(None) == {}


@pytest.mark.parametrize("text", ["failed", "", "http://x/dashboard/jobs", "status"])
def test_a_filter_without_conditions_is_refused(text: str) -> None:
    with pytest.raises(CommandFailed, match="--filter"):
        read_filter(text)


def test_states_are_known_ones_each_once() -> None:
    assert read_statuses(["a-b,c", "c"], ["a_b", "c"]) == ["a_b", "c"]
    with pytest.raises(CommandFailed, match="no such state"):
        read_statuses(["d"], ["c"])
