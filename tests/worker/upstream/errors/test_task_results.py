"""Failed and missing tasks are classified by their reason, in a first answer and in one to a poll."""

from typing import Any

import pytest

from worker.upstream.errors.own_text import NO_REQUEST, own_text_of_job
from worker.upstream.errors.task_results import classify_task, is_refused, stage_of_task
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.task_state import ProviderTask, TaskStage, read_task


def kind_of_task(answer: Answer) -> str | None:
    found = classify_task(answer, NO_REQUEST)
    return found.kind if found else None


def task(**members: Any) -> ProviderTask:
    found = read_task({"task_id": "t1", **members})
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({"status": "failed"}, "upstream_error"),
        ({"status": "failed", "fail_reason": "upstream timeout"}, "upstream_error"),
        ({"status": "failed", "fail_reason": "output_moderation"}, "moderation_output"),
        ({"state": "fail", "failMsg": "content flagged by safety filter"}, "moderation"),
        ({"status": "rejected"}, "moderation"),
        ({"status": "failed", "error": {"code": "insufficient_user_quota"}}, "quota_exhausted"),
    ],
)
def test_a_failed_task_is_classified_by_its_reason_and_nothing_is_unknown(
    members: dict[str, Any], kind: str
) -> None:
    assert kind_of_task(Answer(task=task(**members))) == kind


def test_a_missing_task_is_one_and_others_are_left_to_the_answer() -> None:
    assert kind_of_task(Answer(task=task(status="Task not found"))) == "task_missing"
    assert kind_of_task(Answer(task=task(status="processing"))) is None
    assert kind_of_task(Answer(task=task(status="done"))) is None
    assert kind_of_task(Answer()) is None


def test_only_a_reason_of_moderation_or_of_the_model_is_a_refusal() -> None:
    assert is_refused(task(status="failed", fail_reason="内容违规"), NO_REQUEST)
    assert not is_refused(task(status="failed", fail_reason="upstream timeout"), NO_REQUEST)
    assert not is_refused(task(status="failed"), NO_REQUEST)


def test_a_task_is_not_missing_because_its_reason_repeats_the_prompt() -> None:
    prompt = "an enamel sign that reads page not found, in a station"
    own, words = own_text_of_job("m", prompt, {}), f"could not draw: {prompt}"
    assert stage_of_task(task(fail_reason=words), NO_REQUEST) is TaskStage.MISSING
    assert stage_of_task(task(fail_reason=words), own) is TaskStage.FAILED
    assert stage_of_task(task(message=words), own) is TaskStage.UNSTATED
    assert stage_of_task(task(message=f"task not found, {prompt}"), own) is TaskStage.MISSING
    assert stage_of_task(task(status="task not found"), own) is TaskStage.MISSING
