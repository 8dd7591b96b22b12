"""Members of POST /v1/batches."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.openai.batches.batch_request import read_batch
from api.web.problems import Problem
from models.errors import InvalidRequest
from models.ids import new_id, public_id

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
BODY: dict[str, Any] = {
    "input_file_id": "file-1",
    "endpoint": "/v1/images/generations",
    "completion_window": "24h",
}


@pytest.mark.parametrize(
    ("window", "span"),
    [("24h", timedelta(days=1)), ("1m", timedelta(minutes=1)), ("30d", timedelta(days=30))],
)
def test_a_window_is_the_deadline_of_the_campaign(window: str, span: timedelta) -> None:
    key = new_id()
    wanted = read_batch(BODY | {"completion_window": window}, key, AT)
    assert wanted.expires_at == wanted.spec.deadline == AT + span
    assert wanted.spec.name == public_id("batch", key)
    assert not wanted.spec.failing.enabled


@pytest.mark.parametrize("window", [None, "", "0h", "31d", "24", "24 h", "24w", "٢h", 24])
def test_other_windows_are_refused(window: Any) -> None:
    words = "is required" if window is None else "can't be read"
    with pytest.raises(InvalidRequest, match=f"completion_window: {words}"):
        read_batch(BODY | {"completion_window": window}, new_id(), AT)


def test_members_of_campaigns_are_its_definition() -> None:
    more = {"priority": 7, "max_attempts": 2, "on_unknown": "fail", "failing": {"of_last": 10}}
    spec = read_batch(BODY | more | {"canary": {"items": 3, "then": "auto"}}, new_id(), AT).spec
    assert (spec.defaults.priority, spec.defaults.max_attempts, spec.defaults.on_unknown) == (7, 2, "fail")
    assert (spec.failing.enabled, spec.failing.of_last) == (True, 10)
    assert spec.canary is not None


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"priority": 10}, "priority"), ({"canary": {"items": 0}}, "canary.items"), ({"limits": 1}, "limits")],
)
def test_faults_are_named_as_they_were_written(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Problem) as faulty:
        read_batch(BODY | changes, new_id(), AT)
    assert faulty.value.errors[0]["field"] == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"input_file_id": 3}, "input_file_id"),
        ({"endpoint": "/v1/videos"}, "endpoint"),
        ({"metadata": ["a"]}, "metadata"),
        ({"metadata": {"a": "x" * 513}}, "metadata.a"),
        ({"output_expires_after": {"seconds": 4000}}, "output_expires_after.anchor"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": True}}, "output_expires_after.seconds"),
        ({"nothing": 1}, "nothing"),
    ],
)
def test_faulty_members_are_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as faulty:
        read_batch(BODY | changes, new_id(), AT)
    assert faulty.value.field == field
