"""Task ids: new ones, and those that clients send."""

from datetime import UTC, datetime
from typing import Any

import pytest

from api.midjourney.task_ids import new_task_id, parse_task_id

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_new_id_has_16_digits_that_begin_with_the_time() -> None:
    task_id = new_task_id(AT)
    assert task_id // 1000 == int(AT.timestamp() * 1000)
    assert len(str(task_id)) == 16
    assert task_id < 2**53


@pytest.mark.parametrize("value", ["1795337295545074", 1795337295545074, " 1795337295545074 "])
def test_strings_and_numbers_are_ids(value: Any) -> None:
    assert parse_task_id(value) == 1795337295545074


@pytest.mark.parametrize("value", [None, True, 1.5, "", "abc", "-1", "１", str(2**53), "9" * 400, [], {}])
def test_other_values_are_none(value: Any) -> None:
    assert parse_task_id(value) is None
