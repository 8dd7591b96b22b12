"""Status, progress and times of a task, derived from its parts."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from models.midjourney.protocol import TaskStatus
from models.midjourney.task_status import TaskState, end_times, number_images, task_state_of
from models.states import JobStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def task(**columns: Any) -> SimpleNamespace:
    defaults = {"outcome": None, "modal": None, "started_at": None, "finished_at": NOW, "request": {}}
    return SimpleNamespace(**defaults | columns)


def part(status: JobStatus, progress: int = 0, *, started: bool = True, attempts: int = 1) -> SimpleNamespace:
    return SimpleNamespace(
        status=status, progress=progress, started_at=NOW if started else None, attempts_used=attempts
    )


QUEUED = part(JobStatus.QUEUED, started=False)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([QUEUED], (TaskStatus.NOT_START, "0%")),
        ([part(JobStatus.RUNNING), QUEUED], (TaskStatus.SUBMITTED, "0%")),
        ([part(JobStatus.RUNNING, 40), QUEUED], (TaskStatus.IN_PROGRESS, "20%")),
        ([part(JobStatus.RUNNING, attempts=2)], (TaskStatus.IN_PROGRESS, "0%")),
        ([part(JobStatus.HELD), QUEUED], (TaskStatus.IN_PROGRESS, "50%")),
        ([part(JobStatus.SUCCEEDED)], (TaskStatus.IN_PROGRESS, "99%")),
    ],
)
def test_an_open_task_has_the_status_and_mean_progress_of_its_parts(
    parts: list[Any], expected: tuple[TaskStatus, str]
) -> None:
    state = task_state_of(task(), parts, NOW)
    assert (state.status, state.progress) == expected


def test_parts_of_a_top_up_do_not_lower_the_progress() -> None:
    state = task_state_of(task(request={"calls": 1}), [part(JobStatus.SUCCEEDED), QUEUED, QUEUED], NOW)
    assert state.progress == "99%"


def test_a_task_that_waits_for_a_dialog_is_modal() -> None:
    assert task_state_of(task(modal={"verb": "Inpaint"}), [], NOW) == TaskState(TaskStatus.MODAL, "0%", None)


@pytest.mark.parametrize(("outcome", "progress"), [("SUCCESS", "100%"), ("FAILURE", ""), ("CANCEL", "")])
def test_an_ended_task_has_the_status_of_its_outcome(outcome: str, progress: str) -> None:
    state = task_state_of(task(outcome=outcome, started_at=NOW), [QUEUED], NOW)
    assert state == TaskState(TaskStatus(outcome), progress, NOW)


def test_a_task_without_a_call_is_in_progress_until_its_end() -> None:
    end = NOW + timedelta(seconds=2)
    instant = task(outcome="SUCCESS", started_at=NOW, finished_at=end, request={"calls": 0})
    assert task_state_of(instant, [], NOW) == TaskState(TaskStatus.IN_PROGRESS, "50%", NOW)
    assert task_state_of(instant, [], end) == TaskState(TaskStatus.SUCCESS, "100%", NOW)
    called = task(outcome="SUCCESS", started_at=NOW, finished_at=end, request={"calls": 4})
    assert task_state_of(called, [], NOW).status == TaskStatus.SUCCESS


def test_a_task_starts_with_its_first_call_or_ends_at_its_start() -> None:
    end = NOW + timedelta(seconds=9)
    assert end_times([QUEUED, part(JobStatus.SUCCEEDED)], end) == {"started_at": NOW, "finished_at": end}
    assert end_times([QUEUED], end) == {"started_at": end, "finished_at": end}


def test_the_first_image_of_each_part_is_numbered_before_the_second_ones() -> None:
    images = [SimpleNamespace(job_id=job, name=name) for job, name in [("a", "a1"), ("a", "a2"), ("b", "b1")]]
    assert [image.name for image in number_images(images, 4)] == ["a1", "b1", "a2"]
    assert [image.name for image in number_images(images, 2)] == ["a1", "b1"]
