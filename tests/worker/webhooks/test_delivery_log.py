"""The log of a delivery."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from worker.webhooks.delivery_log import append_entry, read_log
from worker.webhooks.retry_schedule import ReceiverResponse

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_log_keeps_the_last_twenty_attempts() -> None:
    entries: list[dict[str, Any]] = []
    for number in range(25):
        entries = append_entry(entries, ReceiverResponse(500 + number, "no"), AT)
    assert [entry["http_status"] for entry in entries] == list(range(505, 525))


def test_a_log_that_can_not_be_read_is_begun_anew() -> None:
    row: Any = SimpleNamespace(log="{broken")
    assert read_log(row) == []
